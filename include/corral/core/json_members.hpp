#pragma once
// Members of foreign JSON, which may be missing or of another type.

#include <optional>
#include <string>
#include <type_traits>

#include <nlohmann/json.hpp>

namespace corral::core {

// The member of an object; nullptr where `of` is none, or has no such member.
template <typename Json>
[[nodiscard]] const Json* member(const Json& of, const char* key) {
    const auto found = of.find(key);
    return found == of.end() ? nullptr : &*found;
}

// The same of a type that is wanted: empty, false or nothing where it is another or missing.
template <typename Json>
[[nodiscard]] std::string text_at(const Json& of, const char* key) {
    const Json* found = member(of, key);
    return found != nullptr && found->is_string() ? found->template get<std::string>() : std::string();
}

template <typename Json>
[[nodiscard]] bool flag_at(const Json& of, const char* key) {
    const Json* found = member(of, key);
    return found != nullptr && found->is_boolean() && found->template get<bool>();
}

template <typename Number, typename Json>
[[nodiscard]] std::optional<Number> number_at(const Json& of, const char* key) {
    const Json* found = member(of, key);
    // A fraction is no whole number, and one beyond its range would be undefined.
    const bool fits =
        found != nullptr && (std::is_integral_v<Number> ? found->is_number_integer() : found->is_number());
    return fits ? std::optional(found->template get<Number>()) : std::nullopt;
}

template <typename Json>
[[nodiscard]] const Json& list_at(const Json& of, const char* key) {
    static const Json none = Json::array();
    const Json* found = member(of, key);
    return found != nullptr && found->is_array() ? *found : none;
}

}  // namespace corral::core
