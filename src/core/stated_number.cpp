#include "corral/core/stated_number.hpp"

#include <cmath>

namespace corral::core {

std::optional<std::int64_t> stated_number(const nlohmann::json& value, std::int64_t most, double unit) {
    if (!value.is_number() || (value.is_number_integer() && !value.is_number_unsigned())) {
        return std::nullopt;  // whole numbers from zero on are unsigned ones
    }
    if (value.is_number_unsigned() && unit == 1) {
        const auto exact = value.get<std::uint64_t>();
        return static_cast<std::int64_t>(std::min(exact, static_cast<std::uint64_t>(most)));
    }
    const double given = value.get<double>() * unit;
    if (std::isnan(given) || given < 0) {
        return std::nullopt;
    }
    return given < static_cast<double>(most) ? static_cast<std::int64_t>(given) : most;
}

std::optional<std::uint32_t> stated_count(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    const auto value = found == object.end() ? std::nullopt : stated_number(*found, most_stated);
    return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

std::optional<nanoseconds> stated_span(const nlohmann::json& object, const char* key, nanoseconds unit) {
    const auto found = object.find(key);
    const auto value = found == object.end()
                           ? std::nullopt
                           : stated_number(*found, longest_stated.count(), static_cast<double>(unit.count()));
    return value ? std::optional(nanoseconds(*value)) : std::nullopt;
}

}  // namespace corral::core
