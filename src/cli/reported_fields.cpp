#include "reported_fields.hpp"

#include <algorithm>
#include <iterator>

#include "corral/telemetry/log.hpp"

namespace corral::cli {

using json = nlohmann::ordered_json;

std::string reported_text(const json& of, const char* key, std::size_t longest) {
    const auto found = of.find(key);
    return found != of.end() && found->is_string()
               ? telemetry::printable(found->get_ref<const std::string&>(), longest)
               : std::string();
}

std::optional<double> reported_number(const json& of, const char* key) {
    const auto found = of.find(key);
    return found != of.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

double reported_amount(const json& of, const char* key) {
    return reported_number(of, key).value_or(0);
}

bool reported_flag(const json& of, const char* key) {
    const auto found = of.find(key);
    return found != of.end() && found->is_boolean() && found->get<bool>();
}

std::vector<json> reported_objects(const json& of, const char* key) {
    std::vector<json> out;
    const auto found = of.find(key);
    if (found != of.end() && found->is_array()) {
        std::copy_if(found->begin(), found->end(), std::back_inserter(out),
                     [](const json& one) { return one.is_object(); });
    }
    return out;
}

}  // namespace corral::cli
