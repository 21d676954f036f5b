#include "api/ollama/request_body.hpp"

#include <array>
#include <utility>

#include "api/json/go_text.hpp"
#include "api/json/json_input.hpp"
#include "api/models/image_reader.hpp"
#include "api/request_start.hpp"
#include "corral/core/base64.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api::ollama {

namespace {

constexpr core::nanoseconds for_ever = core::nanoseconds::max();

// Nanoseconds as a whole number, for ever where it would not fit or is negative.
core::nanoseconds bounded(double nanoseconds) {
    constexpr double most = 9.2e18;
    if (nanoseconds < 0 || nanoseconds >= most) {
        return for_ever;
    }
    return core::nanoseconds{static_cast<std::int64_t>(nanoseconds)};
}

// Takes "12.5" from the front of `rest`. False when there is no digit.
bool take_number(std::string_view& rest, double& value) {
    value = 0;
    bool any = false;
    double scale = 1;
    bool fraction = false;
    while (!rest.empty() && (core::is_digit(rest.front()) || (rest.front() == '.' && !fraction))) {
        const char c = rest.front();
        rest.remove_prefix(1);
        if (c == '.') {
            fraction = true;
            continue;
        }
        any = true;
        if (fraction) {
            scale /= 10;
            value += (c - '0') * scale;
        } else {
            value = value * 10 + (c - '0');
        }
    }
    return any;
}

// Nanoseconds in one unit; 0 for an unknown one.
double unit_size(std::string_view unit) {
    constexpr std::array<std::pair<std::string_view, double>, 8> units{{{"ns", 1.0},
                                                                        {"us", 1e3},
                                                                        {"\xC2\xB5s", 1e3},
                                                                        {"\xCE\xBCs", 1e3},
                                                                        {"ms", 1e6},
                                                                        {"s", 1e9},
                                                                        {"m", 60e9},
                                                                        {"h", 3600e9}}};
    for (const auto& [name, size] : units) {
        if (name == unit) {
            return size;
        }
    }
    return 0;
}

// What a role may be besides the four. Ollama hands any other to the model's template; here it is a user's,
// so that its text is read.
chat::role read_role(const json_fields& fields) {
    const std::string role = core::lower_case(fields.text("role").value_or(""));
    if (role == "system" || role == "developer") {
        return chat::role::system;
    }
    if (role == "assistant") {
        return chat::role::assistant;
    }
    return role == "tool" || role == "function" ? chat::role::tool : chat::role::user;
}

std::vector<chat::tool_call> read_calls(const json_fields& fields) {
    std::vector<chat::tool_call> out;
    const auto* calls = fields.array("tool_calls", "[]api.ToolCall");
    if (calls == nullptr) {
        return out;
    }
    for (const auto& each : *calls) {
        if (!each.is_object()) {
            fields.wrong_type("tool_calls", each, "api.ToolCall");
            return out;
        }
        const json_fields call = fields.inside("tool_calls", each);
        chat::tool_call read;
        read.id = call.text("id").value_or("");
        read.arguments = nlohmann::ordered_json::object();
        if (const auto* function = call.object("function", "api.ToolCallFunction")) {
            const json_fields inner = call.inside("function", *function);
            read.name = inner.text("name").value_or("");
            if (const auto* arguments = inner.object("arguments", "api.ToolCallFunctionArguments")) {
                read.arguments = *arguments;
            }
        }
        out.push_back(std::move(read));
    }
    return out;
}

// Null is what Go makes of it: a value with nothing in it.
const nlohmann::ordered_json& empty_object() {
    static const nlohmann::ordered_json empty = nlohmann::ordered_json::object();
    return empty;
}

void check_tool(const json_fields& fields, const nlohmann::ordered_json& tool) {
    if (!tool.is_object()) {
        fields.wrong_type("tools", tool, "api.Tool");
        return;
    }
    const json_fields from = fields.inside("tools", tool);
    static_cast<void>(from.text("type"));
    if (const auto* function = from.object("function", "api.ToolFunction")) {
        const json_fields inner = from.inside("function", *function);
        static_cast<void>(inner.text("name"));
        static_cast<void>(inner.text("description"));
        static_cast<void>(inner.object("parameters", "api.ToolFunctionParameters"));
    }
}

}  // namespace

std::optional<core::nanoseconds> parse_go_duration(std::string_view text, decode_problem& problem) {
    constexpr std::size_t longest = 1024;  // Go takes more, but nobody says it
    const std::string_view shown = echo_of(text);
    const std::string invalid = "time: invalid duration " + go_quoted(shown);
    if (text.size() > longest) {
        problem.set(invalid);
        return std::nullopt;
    }
    std::string_view rest = text;
    bool negative = false;
    if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
        negative = rest.front() == '-';
        rest.remove_prefix(1);
    }
    if (rest == "0") {
        return core::nanoseconds{0};
    }
    if (rest.empty()) {
        problem.set(invalid);
        return std::nullopt;
    }
    double sum = 0;
    while (!rest.empty()) {
        double value = 0;
        if (!take_number(rest, value)) {
            problem.set(invalid);
            return std::nullopt;
        }
        std::size_t length = 0;
        while (length < rest.size() && rest[length] != '.' && !core::is_digit(rest[length])) {
            ++length;
        }
        const std::string_view unit = rest.substr(0, length);
        rest.remove_prefix(length);
        const double size = unit_size(unit);
        if (size <= 0) {
            problem.set(unit.empty() ? core::say("request.field-value/time", go_quoted(shown))
                                     : core::say("request.field-value/unknown", go_quoted(echo_of(unit)),
                                                 go_quoted(shown)));
            return std::nullopt;
        }
        sum += value * size;
    }
    constexpr double beyond = 9223372036854775808.0;  // what Go's whole nanoseconds can't hold
    if (sum >= beyond) {
        problem.set(invalid);
        return std::nullopt;
    }
    return bounded(negative ? -sum : sum);
}

std::optional<core::nanoseconds> read_keep_alive(const json_fields& fields) {
    const auto* value = fields.find("keep_alive");
    if (value == nullptr) {
        return std::nullopt;
    }
    if (value->is_number()) {
        return bounded(value->get<double>() * 1e9);
    }
    if (value->is_string()) {
        return parse_go_duration(value->get_ref<const std::string&>(), fields.problem());
    }
    fields.problem().set(core::say("request.field-value/unsupported", std::string(go_type_of(*value))));
    return std::nullopt;
}

think_wish read_think(const json_fields& fields) {
    const auto* value = fields.find("think");
    if (value == nullptr) {
        return {};
    }
    if (value->is_boolean()) {
        return {value->get<bool>() ? think_value::on : think_value::off, {}};
    }
    if (!value->is_string() || value->get_ref<const std::string&>().empty()) {
        fields.problem().set(core::say("request.field-value/boolean"));
        return {};
    }
    return {think_value::on, value->get<std::string>()};
}

std::string read_model_name(const json_fields& fields) {
    std::string model = fields.text("model").value_or("");
    std::string name = fields.text("name").value_or("");
    return model.empty() ? name : model;
}

common_fields read_common(const json_fields& fields) {
    common_fields out;
    out.model = fields.text("model").value_or("");
    out.stream = fields.boolean("stream").value_or(true);
    out.truncate = fields.boolean("truncate").value_or(true);
    static_cast<void>(fields.boolean(
        "shift"));  // these runtimes don't shift; an answer that fills the context ends by length
    out.logprobs = fields.boolean("logprobs").value_or(false);
    out.debug_render_only = fields.boolean("_debug_render_only").value_or(false);
    out.keep_alive = read_keep_alive(fields);
    out.think = read_think(fields);
    if (const auto* format = fields.find("format")) {
        const bool empty = format->is_string() && format->get_ref<const std::string&>().empty();
        out.format = empty ? nlohmann::ordered_json(nullptr) : *format;
    }
    if (const auto* options = fields.object("options", "map[string]interface {}")) {
        out.options = *options;
    }
    const auto top = fields.integer("top_logprobs");
    if (top && (*top < 0 || *top > 20)) {
        fields.problem().set(core::say("request.field-value/top"));
    } else {
        out.top_logprobs = static_cast<std::uint32_t>(top.value_or(0));
    }
    return out;
}

bool read_images(const json_fields& fields, chat::message& message) {
    const auto* images = fields.array("images", "[]api.ImageData");
    if (images == nullptr) {
        return false;
    }
    for (const auto& each : *images) {
        if (each.is_null()) {
            continue;
        }
        if (!each.is_string()) {
            fields.wrong_type("images", each, "api.ImageData");
        } else if (const auto at = core::base64_error(each.get_ref<const std::string&>())) {
            fields.problem().set(core::say("request.image-form/illegal", *at));
        } else {
            add_image(each.get_ref<const std::string&>(), message, fields.problem());
        }
    }
    return !images->empty();
}

chat_messages read_messages(const json_fields& fields) {
    chat_messages out;
    const auto* messages = fields.array("messages", "[]api.Message");
    if (messages == nullptr) {
        return out;
    }
    if (messages->size() > max_messages) {
        fields.problem().set(core::say("request.too-many-parts/request", max_messages));
        return out;
    }
    for (const auto& one : *messages) {
        const nlohmann::ordered_json& each = one.is_null() ? empty_object() : one;
        if (!each.is_object()) {
            fields.wrong_type("messages", each, "api.Message");
            return out;
        }
        const json_fields from = fields.inside("messages", each);
        chat::message read;
        read.content = from.text("content").value_or("");
        read.thinking = from.text("thinking").value_or("");
        read.tool_name = from.text("tool_name").value_or("");
        read.tool_call_id = from.text("tool_call_id").value_or("");
        read.calls = read_calls(from);
        out.has_images = read_images(from, read) || out.has_images;
        read.from = read_role(from);
        out.all.push_back(std::move(read));
    }
    return out;
}

nlohmann::ordered_json read_tools(const json_fields& fields) {
    const auto* tools = fields.array("tools", "api.Tools");
    if (tools == nullptr || tools->empty()) {
        return nullptr;
    }
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const auto& each : *tools) {
        const nlohmann::ordered_json& tool = each.is_null() ? empty_object() : each;
        check_tool(fields, tool);
        out.push_back(tool);
    }
    return out;
}

}  // namespace corral::api::ollama
