#include "api/openai/tool_reader.hpp"

#include <algorithm>
#include <utility>

#include "api/request_start.hpp"

namespace corral::api::openai {

namespace {

using nlohmann::ordered_json;

void add_unused(tool_list& to, std::string name) {
    if (std::ranges::find(to.unused, name) == to.unused.end()) {
        to.unused.push_back(std::move(name));
    }
}

void add_function(const json_fields& function, const std::string& before_name, tool_list& to) {
    add_tool(to.tools, before_name + function.text("name").value_or(""),
             function.text("description").value_or(""),
             function.object("parameters", "api.ToolFunctionParameters"));
}

// "none" can be kept to; that a call must come, or which, can't.
void read_choice(const json_fields& fields, tool_list& to) {
    const ordered_json* choice = fields.find("tool_choice");
    if (choice == nullptr || *choice == "auto" || to.tools.is_null()) {
        return;
    }
    if (*choice == "none") {
        to.tools = nullptr;
    } else {
        add_unused(to, "tool_choice");
    }
}

// The tools inside a namespace, or the one that `tool` is.
void add_flat(const json_fields& tool, const std::string& before_name, tool_list& to) {
    const std::string type = tool.text("type").value_or("");
    if (type == "function") {
        add_function(tool, before_name, to);
        return;
    }
    const ordered_json* inner = tool.array("tools", "[]openai.ResponsesTool");
    if (type != "namespace" || inner == nullptr || !before_name.empty()) {
        add_unused(to, "tools." + type.substr(0, 40));
        return;
    }
    const std::string space = tool.text("name").value_or("");
    for (const ordered_json& each : *inner) {
        if (!each.is_object()) {
            tool.wrong_type("tools", each, "openai.ResponsesTool");
            return;
        }
        add_flat(tool.inside("tools", each), space + ".", to);
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
            add_unused(out, "tools." + type.substr(0, 40));
            continue;
        }
        add_function(tool.inside("function", *function), "", out);
    }
    read_choice(fields, out);
    return out;
}

tool_list read_flat_tools(const json_fields& fields) {
    tool_list out;
    const ordered_json* tools = fields.array("tools", "[]openai.ResponsesTool");
    if (tools == nullptr) {
        return out;
    }
    for (const ordered_json& each : *tools) {
        if (!each.is_object()) {
            fields.wrong_type("tools", each, "openai.ResponsesTool");
            return out;
        }
        add_flat(fields.inside("tools", each), "", out);
    }
    read_choice(fields, out);
    return out;
}

}  // namespace corral::api::openai
