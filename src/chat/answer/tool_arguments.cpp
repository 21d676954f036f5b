#include "corral/chat/tool_arguments.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "chat/format/schema_plan.hpp"
#include "chat/json/json_search.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// What is looked at on the event loop: values, a long text counting as several.
bool is_small(const ordered_json& tree, std::size_t& left) {
    constexpr std::size_t bytes_of_one = 256;
    const std::size_t cost =
        1 + (tree.is_string() ? tree.get_ref<const std::string&>().size() / bytes_of_one : 0);
    if (cost > left) {
        return false;
    }
    left -= cost;
    return !tree.is_structured() ||
           std::all_of(tree.begin(), tree.end(), [&left](const auto& each) { return is_small(each, left); });
}

// nullptr: there is no such tool, or it says nothing of its arguments.
const ordered_json* schema_of(const ordered_json& tools, std::string_view name) {
    for (const ordered_json& tool : tools) {
        const auto function = tool.is_object() ? tool.find("function") : tool.end();
        if (function == tool.end() || !function->is_object() ||
            function->value("name", ordered_json()) != name) {
            continue;
        }
        const auto schema = function->find("parameters");
        return schema != function->end() && schema->is_object() ? &*schema : nullptr;
    }
    return nullptr;
}

bool allows(const schema_node& node, std::string_view type) {
    return std::ranges::find(node.types, type) != node.types.end();
}

// What a text in quotes stands for, where its schema allows no text.
std::optional<ordered_json> unquoted(const schema_node& node, std::string_view text) {
    text = core::trimmed(text);
    if (const auto tree = read_bounded_json(text)) {
        return allows(node, tree->type_name()) ? tree : std::nullopt;
    }
    const std::string word = core::lower_case(text);
    if (allows(node, "boolean") && (word == "true" || word == "false")) {
        return word == "true";
    }
    if (allows(node, "null") && (word == "null" || word == "none")) {
        return std::make_optional<ordered_json>(nullptr);
    }
    constexpr std::size_t longest_number = 40;
    if (text.size() > longest_number || !(allows(node, "integer") || allows(node, "number"))) {
        return std::nullopt;
    }
    ordered_json number = ordered_json::parse(text, nullptr, false);
    return number.is_number() ? std::optional(std::move(number)) : std::nullopt;
}

// By its own type and words, whatever is in it.
ordered_json retyped(const schema_node& node, ordered_json value) {
    const auto* text = value.get_ptr<const std::string*>();
    const bool no_text = !node.types.empty() && !allows(node, "string");
    if (text != nullptr && no_text) {
        if (auto meant = unquoted(node, *text)) {
            return *std::move(meant);
        }
    }
    if (text != nullptr && node.choices.is_array()) {
        const auto same = [word = core::lower_case(core::trimmed(*text))](const json& choice) {
            return choice.is_string() && core::lower_case(choice.get_ref<const std::string&>()) == word;
        };
        const auto meant = std::ranges::find_if(node.choices, same);
        return std::ranges::count_if(node.choices, same) == 1 ? ordered_json(*meant) : std::move(value);
    }
    const bool only_text =
        allows(node, "string") && std::ranges::none_of(node.types, [](const std::string& type) {
            return type != "string" && type != "null";
        });
    if (only_text && (value.is_number_integer() || value.is_boolean())) {
        return value.dump();
    }
    const bool only_list =
        allows(node, "array") && std::ranges::none_of(node.types, [](const std::string& type) {
            return type != "array" && type != "null";
        });
    if (only_list && !value.is_array() && !value.is_null()) {
        return ordered_json::array({std::move(value)});
    }
    return value;
}

bool says_nothing(const ordered_json& value) {
    const auto* text = value.get_ptr<const std::string*>();
    return value.is_null() || (text != nullptr && (text->empty() || *text == "null" || *text == "None"));
}

class repairer {
public:
    repairer(const schema_plan& plan, std::size_t budget) : plan_(plan), budget_(budget) {}

    // Also false once the budget is used up.
    [[nodiscard]] bool fits(std::size_t index, const ordered_json& value) {
        return !violation(plan_, json(value), budget_, index) && budget_ > 0;
    }
    // `value` where it fits, or nothing helps.
    [[nodiscard]] ordered_json repaired(std::size_t index, ordered_json value) {
        if (budget_ == 0 || fits(index, value)) {
            return value;
        }
        const schema_node& node = plan_[index];
        value = retyped(node, std::move(value));
        if (value.is_object()) {
            repair_members(node, value);
        }
        for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
            const auto schema =
                i < node.first_items.size() ? std::optional(node.first_items[i]) : node.more_items;
            value[i] = schema ? repaired(*schema, std::move(value[i])) : std::move(value[i]);
        }
        for (const std::size_t each : node.all_of) {
            value = repaired(each, std::move(value));
        }
        return one_reading(node.one_of, one_reading(node.any_of, std::move(value)));
    }

private:
    void repair_members(const schema_node& node, ordered_json& object) {
        for (auto member = object.begin(); member != object.end();) {
            const auto known = node.properties.find(member.key());
            const auto schema =
                known == node.properties.end() ? node.more_properties : std::optional(known->second);
            if (!schema || fits(*schema, *member)) {
                ++member;
                continue;
            }
            const bool left_out = says_nothing(*member) && !node.required.contains(member.key());
            *member = repaired(*schema, std::move(*member));
            if (left_out && !fits(*schema, *member)) {
                member = object.erase(member);
            } else {
                ++member;
            }
        }
        for (const std::string& name : node.required) {
            const auto known = node.properties.find(name);
            if (!object.contains(name) && known != node.properties.end() &&
                plan_[known->second].choices.size() == 1) {
                object[name] = plan_[known->second].choices.front();
            }
        }
    }
    // `value` as one of the schemas reads it, unless another one reads it in another way.
    ordered_json one_reading(const std::vector<std::size_t>& schemas, ordered_json value) {
        std::optional<ordered_json> only;
        for (const std::size_t each : schemas) {
            ordered_json other = repaired(each, value);
            if (!fits(each, other)) {
                continue;
            }
            if (other == value || (only && *only != other)) {
                return value;
            }
            only = std::move(other);
        }
        return only ? *std::move(only) : std::move(value);
    }

    const schema_plan& plan_;
    std::size_t budget_;
};

}  // namespace

argument_verdict fit_arguments(const ordered_json& tools, tool_call& call) {
    constexpr std::size_t most_values = 1'000;
    constexpr std::size_t steps = 5'000;
    constexpr std::size_t pattern_work = 5'000;
    const ordered_json* const schema = schema_of(tools, call.name);
    std::size_t left = most_values;
    if (schema == nullptr || !is_small(*schema, left) || !is_small(call.arguments, left)) {
        return {};
    }
    std::set<std::string> unchecked;
    const auto plan = plan_schema(*schema, &unchecked, pattern_work);
    std::size_t budget = steps;
    auto wrong = plan ? violation(*plan, json(call.arguments), budget) : std::nullopt;
    if (!wrong || budget == 0) {
        return {};
    }
    repairer by(*plan, steps);
    ordered_json meant = by.repaired(0, call.arguments);
    if (!by.fits(0, meant)) {
        return {argument_fit::wrong, *std::move(wrong)};
    }
    call.arguments = std::move(meant);
    return {argument_fit::repaired, *std::move(wrong)};
}

}  // namespace corral::chat
