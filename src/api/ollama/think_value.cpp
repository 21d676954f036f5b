#include "api/ollama/think_value.hpp"

#include "api/json/go_text.hpp"

namespace corral::api::ollama {

think_wish read_think(const json_fields& fields) {
    const auto* value = fields.find("think");
    if (value == nullptr) {
        return {};
    }
    if (value->is_boolean()) {
        return {value->get<bool>() ? think_value::on : think_value::off, {}};
    }
    if (!value->is_string()) {
        fields.problem().set(
            R"(think must be a boolean or string ("high", "medium", "low", "max", true, or false))");
        return {};
    }
    const auto& level = value->get_ref<const std::string&>();
    for (const char* known : {"high", "medium", "low", "max"}) {
        if (level == known) {
            return {think_value::on, level};
        }
    }
    fields.problem().set("invalid think value: " + go_quoted(level) +
                         R"( (must be "high", "medium", "low", "max", true, or false))");
    return {};
}

}  // namespace corral::api::ollama
