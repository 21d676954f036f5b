#include "chat/plain_numbers.hpp"

#include <cmath>
#include <cstdint>
#include <string>

namespace corral::chat {

nlohmann::json with_plain_numbers(const nlohmann::ordered_json& value) {
    if (value.is_object()) {
        nlohmann::json out = nlohmann::json::object();
        for (const auto& [key, each] : value.items()) {
            out[key] = with_plain_numbers(each);
        }
        return out;
    }
    if (value.is_array()) {
        nlohmann::json out = nlohmann::json::array();
        for (const nlohmann::ordered_json& each : value) {
            out.push_back(with_plain_numbers(each));
        }
        return out;
    }
    if (value.is_string()) {
        return value.get_ref<const std::string&>();
    }
    if (value.is_number_float()) {
        const double number = value.get<double>();
        constexpr double largest_exact = 9007199254740992.0;
        if (std::fabs(number) <= largest_exact && number == std::trunc(number)) {
            return static_cast<std::int64_t>(number);
        }
        return number;
    }
    if (value.is_number_unsigned()) {
        return value.get<std::uint64_t>();
    }
    if (value.is_number_integer()) {
        return value.get<std::int64_t>();
    }
    return value.is_boolean() ? nlohmann::json(value.get<bool>()) : nlohmann::json();
}

}  // namespace corral::chat
