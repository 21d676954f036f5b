#include "chat/answer/tool_filter.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "chat/json/json_search.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view between_calls = " \t\n\r\v\f,;";

// Nothing when something that is neither JSON nor a separator is there.
std::optional<std::vector<json>> values_of(std::string_view text) {
    std::vector<json> values;
    for (;;) {
        const auto next = text.find_first_not_of(between_calls);
        if (next == std::string_view::npos) {
            return values;
        }
        text.remove_prefix(next);
        const auto length = json_length(text);
        auto value = read_bounded_json(text.substr(0, length));
        if (!value) {
            return std::nullopt;
        }
        values.push_back(*std::move(value));
        text.remove_prefix(length);
    }
}

std::optional<std::vector<json>> values_of(const repaired_json& repaired) {
    std::vector<json> values;
    for (const auto& text : repaired.values) {
        auto value = read_bounded_json(text);
        if (!value) {
            return std::nullopt;
        }
        values.push_back(*std::move(value));
    }
    return values;
}

const json* member(const json& object, std::string_view key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

std::optional<json> object_in(const std::string& text) {
    if (core::trimmed_front(text).empty()) {
        return std::make_optional(json::object());
    }
    auto value = read_bounded_json(text);
    if (!value) {
        const auto repaired = repair_json(text, text_end::certain);
        if (repaired && repaired->values.size() == 1) {
            value = read_bounded_json(repaired->values.front());
        }
    }
    return value && value->is_object() ? value : std::nullopt;
}

std::optional<json> arguments_of(const json& call, bool required) {
    const json* given = member(call, "arguments");
    if (given == nullptr) {
        given = member(call, "parameters");
    }
    if (given == nullptr) {
        return required ? std::nullopt : std::optional<json>(json::object());
    }
    if (given->is_string()) {
        return object_in(given->get_ref<const std::string&>());
    }
    if (given->is_null()) {
        return std::make_optional(json::object());
    }
    return given->is_object() ? std::optional<json>(*given) : std::nullopt;
}

std::optional<tool_call> call_of(const json& value, const call_rules& rules) {
    const json* call = &value;
    if (!value.is_object()) {
        return std::nullopt;
    }
    const json* inner = member(value, "function");
    if (member(value, "name") == nullptr && inner != nullptr && inner->is_object()) {
        call = inner;
    }
    const json* name = member(*call, "name");
    if (name == nullptr || !name->is_string()) {
        return std::nullopt;
    }
    tool_call made;
    made.name = name->get<std::string>();
    if (std::ranges::find(rules.names, made.name) == rules.names.end()) {
        return std::nullopt;
    }
    auto arguments = arguments_of(*call, rules.arguments_required);
    if (!arguments) {
        return std::nullopt;
    }
    made.arguments = *std::move(arguments);
    return made;
}

// False when `value` is not a call.
bool add_call(const json& value, const call_rules& rules, std::vector<tool_call>& calls) {
    auto call = call_of(value, rules);
    if (!call) {
        return false;
    }
    calls.push_back(*std::move(call));
    return true;
}

std::vector<tool_call> calls_of(const std::vector<json>& values, const call_rules& rules) {
    std::vector<tool_call> calls;
    for (const auto& value : values) {
        const bool all =
            value.is_array()
                ? std::ranges::all_of(value,
                                      [&](const json& element) { return add_call(element, rules, calls); })
                : add_call(value, rules, calls);
        if (!all) {
            return {};
        }
    }
    return calls;
}

}  // namespace

std::vector<tool_call> calls_in(std::string_view text, const call_rules& rules, text_end end) {
    if (const auto values = values_of(text)) {
        return calls_of(*values, rules);
    }
    const auto repaired = repair_json(text, end);
    if (!repaired) {
        return {};
    }
    const auto values = values_of(*repaired);
    if (!values) {
        return {};
    }
    auto stricter = rules;
    // A text that was cut may have been about to give the arguments.
    stricter.arguments_required |= repaired->completed && end == text_end::maybe_cut;
    return calls_of(*values, stricter);
}

}  // namespace corral::chat
