#include "api/json/json_fields.hpp"

#include <limits>

#include "api/json/json_input.hpp"
#include "api/json/json_writer.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

std::string_view kind_word(const nlohmann::ordered_json& value) {
    if (value.is_object()) {
        return "object";
    }
    if (value.is_array()) {
        return "array";
    }
    if (value.is_string()) {
        return "string";
    }
    if (value.is_boolean()) {
        return "bool";
    }
    return value.is_null() ? "null" : "number";
}

const nlohmann::ordered_json* json_fields::find(std::string_view key) const {
    const nlohmann::ordered_json* found = nullptr;
    const std::string wanted = core::lower_case(key);
    for (const auto& [name, value] : object_->items()) {
        if (name == key) {
            found = &value;
            break;
        }
        if (name.size() == key.size() && core::lower_case(name) == wanted) {
            found = &value;
        }
    }
    if (found != nullptr && is_too_deep(*found)) {
        problem_->set(core::say("request.json-too-deep/request", key, json_limits{}.depth));
        return nullptr;
    }
    return found != nullptr && found->is_null() ? nullptr : found;
}

std::optional<std::string> json_fields::text(std::string_view key) const {
    const auto* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_string()) {
        wrong_type(key, *value, "string");
        return std::nullopt;
    }
    return value->get<std::string>();
}

std::optional<bool> json_fields::boolean(std::string_view key) const {
    const auto* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_boolean()) {
        wrong_type(key, *value, "bool");
        return std::nullopt;
    }
    return value->get<bool>();
}

std::optional<std::int64_t> json_fields::integer(std::string_view key) const {
    const auto* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_number_integer()) {
        wrong_type(key, *value, "int");
        return std::nullopt;
    }
    if (value->is_number_unsigned() &&
        value->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
        problem_->set(core::say("request.wrong-type/json", value->dump(), path_, key));
        return std::nullopt;
    }
    return value->get<std::int64_t>();
}

std::optional<double> json_fields::real(std::string_view key) const {
    const auto* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_number()) {
        wrong_type(key, *value, "float64");
        return std::nullopt;
    }
    return value->get<double>();
}

const nlohmann::ordered_json* json_fields::array(std::string_view key, std::string_view go_type) const {
    const auto* value = find(key);
    if (value != nullptr && !value->is_array()) {
        wrong_type(key, *value, go_type);
        return nullptr;
    }
    return value;
}

const nlohmann::ordered_json* json_fields::object(std::string_view key, std::string_view go_type) const {
    const auto* value = find(key);
    if (value != nullptr && !value->is_object()) {
        wrong_type(key, *value, go_type);
        return nullptr;
    }
    return value;
}

json_fields json_fields::inside(std::string_view key, const nlohmann::ordered_json& object) const {
    return json_fields(object, path_ + "." + std::string(key), *problem_);
}

void json_fields::wrong_type(std::string_view key, const nlohmann::ordered_json& got,
                             std::string_view go_type) const {
    std::string what(kind_word(got));
    if (got.is_number_float() && go_type == "int") {
        // Go shows the number where an integer was wanted.
        what += ' ';
        append_json_number(what, got.get<double>());
    }
    problem_->set(core::say("request.wrong-type/unmarshal", what, path_, key, go_type));
}

}  // namespace corral::api
