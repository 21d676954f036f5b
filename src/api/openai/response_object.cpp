#include "api/openai/response_object.hpp"

#include <utility>

#include "api/json/json_writer.hpp"
#include "api/openai/answer.hpp"

namespace corral::api::openai {

namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t ids = 999'999;

const char* word_of(response_status status) {
    switch (status) {
        case response_status::in_progress:
            return "in_progress";
        case response_status::completed:
            return "completed";
        case response_status::incomplete:
            return "incomplete";
        case response_status::failed:
            break;
    }
    return "failed";
}

template <typename Value>
ordered_json or_null(const std::optional<Value>& value) {
    return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json usage_of(const chat::token_usage& usage) {
    ordered_json out = ordered_json::object();
    out["input_tokens"] = usage.prompt_tokens;
    out["output_tokens"] = usage.generated_tokens;
    out["total_tokens"] = std::uint64_t{usage.prompt_tokens} + usage.generated_tokens;
    out["input_tokens_details"]["cached_tokens"] = usage.cached_tokens;
    out["output_tokens_details"]["reasoning_tokens"] = 0;
    return out;
}

ordered_json reasoning_of(const response_echo& echo) {
    if (!echo.effort && !echo.summary) {
        return nullptr;
    }
    ordered_json out = ordered_json::object();
    out["effort"] = or_null(echo.effort);
    out["summary"] = or_null(echo.summary);
    return out;
}

}  // namespace

response_object::response_object(std::string model, response_echo echo, core::random_source& random)
    : model_(std::move(model)),
      echo_(std::move(echo)),
      id_("resp_"),
      message_id_("msg_"),
      reasoning_id_("rs_") {
    const std::string number = std::to_string(random.next() % ids);
    id_ += number;
    message_id_ += number;
    reasoning_id_ += id_;
    created_ = now_in_seconds();
}

std::string response_object::call_id(std::size_t index) const {
    std::string out = "fc_";
    out.append(id_).append("_").append(std::to_string(index));
    return out;
}

ordered_json response_object::build(response_status status, const ordered_json& output,
                                    const chat::token_usage* usage, std::string_view error) const {
    const bool completed = status == response_status::completed;
    ordered_json out = ordered_json::object();
    out["id"] = id_;
    out["object"] = "response";
    out["created_at"] = created_;
    out["completed_at"] = completed ? ordered_json(now_in_seconds()) : ordered_json(nullptr);
    out["status"] = word_of(status);
    out["incomplete_details"] = nullptr;
    if (status == response_status::incomplete) {
        out["incomplete_details"]["reason"] = "max_output_tokens";
    }
    out["model"] = model_;
    out["previous_response_id"] = nullptr;
    out["instructions"] = or_null(echo_.instructions);
    out["output"] = output;
    out["error"] = nullptr;
    if (status == response_status::failed) {
        ordered_json why = ordered_json::object();
        why["code"] = "server_error";
        why["message"] = error;
        out["error"] = std::move(why);
    }
    out["tools"] = echo_.tools;
    out["tool_choice"] = echo_.tool_choice;
    out["truncation"] = echo_.truncation;
    out["parallel_tool_calls"] = echo_.parallel_tool_calls;
    out["text"]["format"] = echo_.text_format;
    add_end(out, usage);
    return out;
}

void response_object::add_end(ordered_json& out, const chat::token_usage* usage) const {
    constexpr double usual = 1.0;
    out["top_p"] = echo_.top_p.value_or(usual);
    out["presence_penalty"] = 0;
    out["frequency_penalty"] = 0;
    out["top_logprobs"] = 0;
    out["temperature"] = echo_.temperature.value_or(usual);
    out["reasoning"] = reasoning_of(echo_);
    out["usage"] = usage == nullptr ? ordered_json(nullptr) : usage_of(*usage);
    out["max_output_tokens"] = or_null(echo_.max_output_tokens);
    out["max_tool_calls"] = nullptr;
    out["store"] = false;
    out["background"] = false;
    out["service_tier"] = "default";
    out["metadata"] = ordered_json::object();
    out["safety_identifier"] = nullptr;
    out["prompt_cache_key"] = nullptr;
}

ordered_json response_object::reasoning_item(const std::string& thinking) const {
    ordered_json summary = ordered_json::object();
    summary["type"] = "summary_text";
    summary["text"] = thinking;
    ordered_json out = ordered_json::object();
    out["id"] = reasoning_id_;
    out["type"] = "reasoning";
    out["summary"] = ordered_json::array();
    out["summary"].push_back(std::move(summary));
    out["encrypted_content"] = thinking;
    return out;
}

ordered_json response_object::message_item(const std::string& text, bool cut) const {
    ordered_json out = ordered_json::object();
    out["id"] = message_id_;
    out["type"] = "message";
    out["status"] = cut ? "incomplete" : "completed";
    out["role"] = "assistant";
    out["content"] = ordered_json::array();
    out["content"].push_back(text_part(text));
    return out;
}

ordered_json response_object::compacted(const std::string& summary, const chat::token_usage& usage) const {
    ordered_json out{{"id", id_}, {"object", "response.compaction"}, {"created_at", created_}};
    out["output"] = ordered_json::array({compaction_item(*echo_.compaction, summary)});
    out["usage"] = usage_of(usage);
    return out;
}

bool response_object::is_search(const chat::tool_call& call) const {
    return echo_.searches && call.name == search_name;
}

ordered_json response_object::call_item(std::size_t index, const chat::tool_call& call, bool complete) const {
    const bool searches = is_search(call);
    ordered_json out = ordered_json::object();
    out["id"] = searches ? "tsc" + call_id(index).substr(2) : call_id(index);
    out["type"] = searches ? "tool_search_call" : "function_call";
    out["status"] = complete ? "completed" : "in_progress";
    out["call_id"] = call.id;
    if (searches) {
        out["execution"] = "client";
        out["arguments"] = complete ? call.arguments : ordered_json::object();
        return out;
    }
    const auto known = echo_.tool_names.find(call.name);
    const std::size_t space = known == echo_.tool_names.end() ? 0 : known->second;
    if (space > 0) {
        out["namespace"] = call.name.substr(0, space);
    }
    out["name"] = call.name.substr(space > 0 ? space + 1 : 0);
    out["arguments"] = complete ? arguments_text(call) : std::string();
    return out;
}

ordered_json text_part(const std::string& text) {
    ordered_json out = ordered_json::object();
    out["type"] = "output_text";
    out["text"] = text;
    out["annotations"] = ordered_json::array();
    out["logprobs"] = ordered_json::array();
    return out;
}

std::string arguments_text(const chat::tool_call& call) {
    json_writer json;
    json.tree(call.arguments);
    return json.take();
}

}  // namespace corral::api::openai
