#include "api/openai/tool_reader.hpp"

#include <algorithm>
#include <utility>

#include "api/request_start.hpp"

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

}  // namespace

tool_list read_nested_tools(const json_fields& fields) {
    tool_list out;
    const ordered_json* tools = fields.array("tools", "[]api.Tool");
    if (tools == nullptr) {
        return out;
    }
    for (const ordered_json& each : *tools) {
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
    const ordered_json* choice = fields.find("tool_choice");
    if (choice == nullptr || *choice == "auto" || tools.tools.is_null()) {
        return;
    }
    if (*choice == "none") {
        tools.tools = nullptr;
        return;
    }
    tools.must_call = demanded_tools(tools.tools, *choice);
    if (tools.must_call.empty()) {
        add_unused(tools, "tool_choice");
    }
}

std::string name_in(const std::string& space, const std::string& name) {
    return space.empty() || name.starts_with(space + ".") ? name : space + "." + name;
}

}  // namespace corral::api::openai
