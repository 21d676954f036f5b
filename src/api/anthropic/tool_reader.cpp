#include "api/anthropic/tool_reader.hpp"

#include <utility>

#include "api/json/go_text.hpp"
#include "api/json/json_writer.hpp"

namespace corral::api::anthropic {

namespace {

using nlohmann::ordered_json;

ordered_json any_arguments() {
    ordered_json out = ordered_json::object();
    out["type"] = "object";
    out["properties"] = ordered_json::object();
    return out;
}

void add_tool(const json_fields& tool, tool_list& to) {
    const std::string name = tool.text("name").value_or("");
    const std::string description = tool.text("description").value_or("");
    const std::string type = tool.text("type").value_or("custom");
    const ordered_json* schema = tool.find("input_schema");
    if (schema == nullptr && type != "custom") {
        to.unused.emplace_back("tools.type");
        return;
    }
    if (schema != nullptr && !schema->is_object()) {
        tool.problem().set("invalid input_schema for tool " + go_quoted(name) + ": it is not an object");
        return;
    }
    ordered_json function = ordered_json::object();
    function["name"] = name;
    if (!description.empty()) {
        function["description"] = description;
    }
    function["parameters"] = schema == nullptr ? any_arguments() : *schema;
    json_writer written;
    written.tree(function["parameters"]);
    to.bytes += name.size() + description.size() + written.take().size();
    ordered_json wrapped = ordered_json::object();
    wrapped["type"] = "function";
    wrapped["function"] = std::move(function);
    if (to.tools.is_null()) {
        to.tools = ordered_json::array();
    }
    to.tools.push_back(std::move(wrapped));
}

// "none" can be kept to; that a call must come, or which, can't.
void read_choice(const json_fields& fields, tool_list& to) {
    const ordered_json* choice = fields.find("tool_choice");
    if (choice == nullptr || !choice->is_object()) {
        return;
    }
    const auto type = choice->find("type");
    if (type == choice->end() || *type == "auto") {
        return;
    }
    if (*type == "none") {
        to.tools = nullptr;
    } else {
        to.unused.emplace_back("tool_choice");
    }
}

}  // namespace

tool_list read_tools(const json_fields& fields) {
    tool_list out;
    const ordered_json* tools = fields.array("tools", "[]anthropic.Tool");
    if (tools == nullptr) {
        return out;
    }
    for (const ordered_json& each : *tools) {
        if (!each.is_object()) {
            fields.wrong_type("tools", each, "anthropic.Tool");
            return out;
        }
        add_tool(fields.inside("tools", each), out);
    }
    read_choice(fields, out);
    return out;
}

}  // namespace corral::api::anthropic
