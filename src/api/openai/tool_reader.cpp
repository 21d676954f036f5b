#include "api/openai/tool_reader.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "api/json/go_text.hpp"
#include "api/request_start.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::api::openai {

namespace {

using nlohmann::ordered_json;

void add_unused(tool_list& tools, std::string name) {
    if (std::ranges::find(tools.unused, name) == tools.unused.end()) {
        tools.unused.push_back(std::move(name));
    }
}

// "tools.web_search", "tools.custom.apply_patch".
std::string name_of(const json_fields& tool, const std::string& type) {
    constexpr std::size_t longest = 40;
    const std::string name = tool.text("name").value_or("");
    return "tools." + type.substr(0, longest) + (name.empty() ? "" : "." + name.substr(0, longest));
}

void add_function(const json_fields& function, std::string name, tool_list& tools) {
    add_tool(tools.tools, std::move(name), function.text("description").value_or(""),
             function.object("parameters", "api.ToolFunctionParameters"));
}

// The tools inside a namespace, or the one that `tool` is.
void add_flat(const json_fields& tool, const std::string& space, tool_list& tools) {
    const std::string type = tool.text("type").value_or("");
    const bool searches =
        type == search_name && space.empty() && tool.text("execution").value_or("client") == "client";
    tools.searches = tools.searches || searches;
    if (type == "function" || searches) {
        std::string name = searches ? search_name : name_in(space, tool.text("name").value_or(""));
        if (tools.names.emplace(name, space.size()).second) {
            add_function(tool, std::move(name), tools);
        }
        return;
    }
    const ordered_json* inner = tool.array("tools", "[]openai.ResponsesTool");
    if (type != "namespace" || inner == nullptr || !space.empty()) {
        add_unused(tools, name_of(tool, type));
        return;
    }
    for (const ordered_json& each : *inner) {
        if (!each.is_object()) {
            tool.wrong_type("tools", each, "openai.ResponsesTool");
            return;
        }
        add_flat(tool.inside("tools", each), tool.text("name").value_or(""), tools);
    }
}

// Leaves the tools that `choice`, of "allowed_tools", allows, and gives its mode; null where it has no list. What is no
// function is not there in any case.
ordered_json keep_allowed(const json_fields& fields, const ordered_json& choice, tool_list& tools) {
    const ordered_json* nested = core::member(choice, "allowed_tools");
    const ordered_json& said = nested == nullptr ? choice : *nested;
    const ordered_json* allowed = core::member(said, "tools");
    if (allowed == nullptr || !allowed->is_array()) {
        return nullptr;
    }
    const std::vector<std::string> all = demanded_tools(tools.tools, "required");
    const std::set<std::string> known(all.begin(), all.end());
    std::set<std::string> names;
    for (const ordered_json& each : *allowed) {
        if (core::text_at(each, "type") != "function") {
            continue;
        }
        const ordered_json* function = core::member(each, "function");
        std::string name = core::text_at(function == nullptr ? each : *function, "name");
        if (!known.contains(name)) {
            fields.problem().set(core::say("request.field-value/tool", echo_of(name)));
        }
        names.insert(std::move(name));
    }
    ordered_json kept = nullptr;
    for (ordered_json& tool : tools.tools) {
        if (names.contains(tool["function"]["name"].get_ref<const std::string&>())) {
            kept.push_back(std::move(tool));
        }
    }
    tools.tools = std::move(kept);
    const std::string mode = core::text_at(said, "mode");
    return mode.empty() ? "auto" : mode;
}

}  // namespace

tool_list read_nested_tools(const json_fields& fields) {
    tool_list out;
    const ordered_json none = ordered_json::array();
    const ordered_json* tools = fields.array("tools", "[]api.Tool");
    for (const ordered_json& each : tools == nullptr ? none : *tools) {
        if (!each.is_object()) {
            fields.wrong_type("tools", each, "api.Tool");
            return out;
        }
        const json_fields tool = fields.inside("tools", each);
        const std::string type = tool.text("type").value_or("function");
        const ordered_json* function = tool.object("function", "api.ToolFunction");
        if (function == nullptr) {
            add_unused(out, name_of(tool, type));
            continue;
        }
        const json_fields inside = tool.inside("function", *function);
        add_function(inside, inside.text("name").value_or(""), out);
    }
    read_choice(fields, out);
    return out;
}

void add_flat_tools(const json_fields& fields, tool_list& to) {
    const ordered_json none = ordered_json::array();
    const ordered_json* tools = fields.array("tools", "[]openai.ResponsesTool");
    for (const ordered_json& each : tools == nullptr ? none : *tools) {
        if (!each.is_object()) {
            fields.wrong_type("tools", each, "openai.ResponsesTool");
            return;
        }
        add_flat(fields.inside("tools", each), "", to);
    }
}

void read_choice(const json_fields& fields, tool_list& tools) {
    const ordered_json* said = fields.find("tool_choice");
    if (said == nullptr) {
        return;
    }
    const bool narrows = !tools.tools.is_null() && core::text_at(*said, "type") == "allowed_tools";
    const ordered_json choice = narrows ? keep_allowed(fields, *said, tools) : *said;
    if (choice == "auto") {
        return;
    }
    if (choice == "none") {
        tools.tools = nullptr;
        return;
    }
    tools.must_call = demanded_tools(tools.tools, choice);
    if (tools.must_call.empty()) {
        add_unused(tools, "tool_choice");
    }
}

std::string name_in(const std::string& space, const std::string& name) {
    return space.empty() || name.starts_with(space + ".") ? name : space + "." + name;
}

}  // namespace corral::api::openai
