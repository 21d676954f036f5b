#include "api/openai/compaction.hpp"

#include <algorithm>
#include <utility>

#include "api/json/json_input.hpp"
#include "api/json/json_writer.hpp"
#include "api/models/role_word.hpp"
#include "api/openai/message_reader.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"
#include "corral/generation/summary_request.hpp"

namespace corral::api::openai {

namespace {

using nlohmann::ordered_json;

constexpr std::string_view payload_type = "ollama_compaction";
constexpr int payload_version = 1;

std::string text_of(const ordered_json& tree) {
    json_writer json;
    json.tree(tree);
    return json.take();
}

// Its images are not kept: they would cost the room that is to be made.
ordered_json as_message(const chat::message& message) {
    ordered_json out{{"role", role_word(message.from)}, {"content", message.content}};
    for (const chat::tool_call& call : message.calls) {
        out["tool_calls"].push_back(
            {{"id", call.id}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    }
    if (message.from == chat::role::tool) {
        out["tool_name"] = message.tool_name;
        out["tool_call_id"] = message.tool_call_id;
    }
    return out;
}

chat::message read_retained(const json_fields& fields) {
    chat::message out;
    out.from = read_role(fields);
    out.content = fields.text("content").value_or("");
    out.thinking = fields.text("thinking").value_or("");
    out.tool_name = fields.text("tool_name").value_or("");
    out.tool_call_id = fields.text("tool_call_id").value_or("");
    const ordered_json none = ordered_json::array();
    const ordered_json* calls = fields.array("tool_calls", "[]api.ToolCall");
    for (const ordered_json& each : calls == nullptr ? none : *calls) {
        const json_fields call = fields.inside("tool_calls", each);
        const ordered_json* function =
            each.is_object() ? call.object("function", "api.ToolCallFunction") : nullptr;
        if (function == nullptr) {
            fields.wrong_type("tool_calls", each, "api.ToolCall");
            break;
        }
        const json_fields named = call.inside("function", *function);
        const ordered_json* arguments = named.object("arguments", "api.ToolCallFunctionArguments");
        out.calls.push_back({call.text("id").value_or(""), named.text("name").value_or(""),
                             arguments == nullptr ? ordered_json::object() : *arguments});
    }
    return out;
}

}  // namespace

compaction_plan plan_compaction(const std::vector<chat::message>& messages, bool standalone) {
    compaction_plan out;
    const auto last = std::find_if(messages.rbegin(), messages.rend(), [](const chat::message& message) {
        return message.from == chat::role::assistant;
    });
    const auto goes_on =
        static_cast<std::size_t>(messages.rend() - last);  // index behind it; 0: there is none
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const chat::message& one = messages[i];
        generation::write_down(one, out.transcript);
        const bool said =
            one.from == chat::role::user || (one.from == chat::role::system && !generation::is_summary(one));
        const bool pending = goes_on > 0 && !messages[goes_on - 1].calls.empty() &&
                             (i + 1 == goes_on || (i >= goes_on && one.from == chat::role::tool));
        if ((said && standalone) || pending) {
            out.retained.push_back(one);
        }
    }
    return out;
}

std::string excerpt_of(std::string_view transcript) {
    constexpr std::size_t longest = 600;
    std::size_t from = transcript.size() - std::min(transcript.size(), longest);
    while (from < transcript.size() && core::continues_character(transcript[from])) {
        ++from;
    }
    return std::string(transcript.substr(from));
}

ordered_json compaction_item(const compaction_plan& plan, std::string_view summary) {
    const std::string_view said = core::trimmed(summary);
    ordered_json payload{{"type", payload_type}, {"version", payload_version}};
    payload["summary"] = said.empty() ? "(An excerpt of its end.)\n" + plan.excerpt : std::string(said);
    payload["retained"] = ordered_json::array();
    for (const chat::message& each : plan.retained) {
        payload["retained"].push_back(as_message(each));
    }
    return {{"type", "compaction"}, {"encrypted_content", text_of(payload)}};
}

std::vector<chat::message> read_compaction(const json_fields& item) {
    std::vector<chat::message> out;
    decode_problem& problem = item.problem();
    const auto tree = read_json(item.text("encrypted_content").value_or(""), {}, problem.memory);
    if (!tree && tree.error().code == core::errc::unavailable) {
        problem.set(tree.error());
        return out;
    }
    if (!tree || !tree->is_object()) {
        problem.set(core::say("request.message-form/unsupported"));
        return out;
    }
    const json_fields payload(*tree, "OllamaCompactionPayload", problem);
    chat::message summary;
    summary.from = chat::role::system;
    summary.content = payload.text("summary").value_or("");
    if (payload.text("type") != payload_type || payload.integer("version") != payload_version) {
        problem.set(core::say("request.message-form/ollama"));
    } else if (core::trimmed(summary.content).empty()) {
        problem.set(core::say("request.message-form/compaction"));
    }
    summary.content.insert(0, generation::summary_heading);
    out.push_back(std::move(summary));
    const ordered_json none = ordered_json::array();
    const ordered_json* retained = payload.array("retained", "[]api.Message");
    for (const ordered_json& each : retained == nullptr ? none : *retained) {
        if (!each.is_object()) {
            payload.wrong_type("retained", each, "api.Message");
            break;
        }
        out.push_back(read_retained(payload.inside("retained", each)));
    }
    return out;
}

}  // namespace corral::api::openai
