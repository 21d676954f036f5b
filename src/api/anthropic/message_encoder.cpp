#include "api/anthropic/message_encoder.hpp"

#include <algorithm>

#include "api/anthropic/error_reply.hpp"

namespace corral::api::anthropic {

namespace {

std::string event_of(std::string_view type, std::string_view data) {
    std::string out = "event: ";
    out.append(type).append("\ndata: ").append(data).append("\n\n");
    return out;
}

void write_stop(json_writer& json, bool called, const message_identity& identity,
                chat::finish_reason reason) {
    if (called) {
        json.member("stop_reason", "tool_use");
    } else if (!identity.stopped_by.empty()) {
        json.member("stop_reason", "stop_sequence").member("stop_sequence", identity.stopped_by);
    } else {
        json.member("stop_reason", reason == chat::finish_reason::stop ? "end_turn" : "max_tokens");
    }
}

// Anthropic's input is the sum of what was read anew and what came from a cache.
void write_usage(json_writer& json, const chat::token_usage& usage) {
    const std::uint32_t cached = std::min(usage.cached_tokens, usage.prompt_tokens);
    json.key("usage").begin_object().count("input_tokens", usage.prompt_tokens - cached);
    json.count("cache_read_input_tokens", cached).count("output_tokens", usage.generated_tokens).end_object();
}

void open_message(json_writer& json, const message_identity& identity) {
    json.member("id", identity.id).member("type", "message").member("role", "assistant");
    json.member("model", identity.model);
}

void open_call(json_writer& json, const chat::tool_call& call) {
    json.begin_object().member("type", "tool_use").member("id", call.id).member("name", call.name);
}

}  // namespace

std::string encode_message(const message_identity& identity, const whole_answer& answer,
                           const chat::finished_event& end) {
    json_writer json;
    json.begin_object();
    open_message(json, identity);
    json.key("content").begin_array();
    if (!answer.thinking.empty()) {
        json.begin_object().member("type", "thinking").member("thinking", answer.thinking).end_object();
    }
    if (!answer.text.empty()) {
        json.begin_object().member("type", "text").member("text", answer.text).end_object();
    }
    for (const chat::tool_call& call : answer.calls) {
        open_call(json, call);
        json.key("input").tree(call.arguments).end_object();
    }
    json.end_array();
    write_stop(json, !answer.calls.empty(), identity, end.reason);
    write_usage(json, end.usage);
    json.end_object();
    return json.take() + "\n";
}

std::string event_encoder::start(std::size_t guessed_input_tokens) {
    json_writer json;
    json.begin_object().member("type", "message_start").key("message").begin_object();
    open_message(json, who_);
    json.key("content").begin_array().end_array();
    write_usage(json, {static_cast<std::uint32_t>(std::min<std::size_t>(guessed_input_tokens, UINT32_MAX))});
    json.end_object().end_object();
    return event_of("message_start", json.take());
}

std::string event_encoder::ping() {
    return event_of("ping", R"({"type":"ping"})");
}

std::string event_encoder::encode(chat::generation_event& event) {
    std::string out;
    if (const auto* text = std::get_if<chat::text_event>(&event)) {
        add_piece(out, block::text, text->text);
    } else if (const auto* thinking = std::get_if<chat::thinking_event>(&event)) {
        add_piece(out, block::thinking, thinking->text);
    } else if (const auto* call = std::get_if<chat::tool_call_event>(&event)) {
        add_call(out, call->call);
    } else if (const auto* end = std::get_if<chat::finished_event>(&event)) {
        finish(out, *end);
    } else if (const auto* why = std::get_if<chat::failed_event>(&event)) {
        out += event_of("error", error_event_data(*why, who_.model));
    }
    return out;
}

void event_encoder::add_piece(std::string& out, block kind, std::string_view piece) {
    if (kind == block::thinking && thought_ && open_ != block::thinking) {
        return;
    }
    open(out, kind);
    const bool thinking = kind == block::thinking;
    json_writer json;
    json.begin_object().member("type", "content_block_delta").count("index", index_);
    json.key("delta").begin_object().member("type", thinking ? "thinking_delta" : "text_delta");
    json.member(thinking ? "thinking" : "text", piece).end_object().end_object();
    out += event_of("content_block_delta", json.take());
}

void event_encoder::open(std::string& out, block kind) {
    if (open_ == kind) {
        return;
    }
    close(out);
    open_ = kind;
    const bool thinking = kind == block::thinking;
    thought_ = thought_ || thinking;
    json_writer json;
    json.begin_object().member("type", "content_block_start").count("index", index_);
    json.key("content_block").begin_object().member("type", thinking ? "thinking" : "text");
    json.member(thinking ? "thinking" : "text", "").end_object().end_object();
    out += event_of("content_block_start", json.take());
}

void event_encoder::close(std::string& out) {
    if (open_ == block::none) {
        return;
    }
    open_ = block::none;
    json_writer json;
    json.begin_object().member("type", "content_block_stop").count("index", index_++).end_object();
    out += event_of("content_block_stop", json.take());
}

// A call comes whole: its block opens and closes at once.
void event_encoder::add_call(std::string& out, const chat::tool_call& call) {
    close(out);
    called_ = true;
    json_writer start;
    start.begin_object().member("type", "content_block_start").count("index", index_).key("content_block");
    open_call(start, call);
    start.key("input").begin_object().end_object().end_object().end_object();
    out += event_of("content_block_start", start.take());
    json_writer input;
    input.tree(call.arguments);
    json_writer delta;
    delta.begin_object().member("type", "content_block_delta").count("index", index_).key("delta");
    delta.begin_object().member("type", "input_json_delta").member("partial_json", input.take());
    delta.end_object().end_object();
    out += event_of("content_block_delta", delta.take());
    json_writer stop;
    stop.begin_object().member("type", "content_block_stop").count("index", index_++).end_object();
    out += event_of("content_block_stop", stop.take());
}

void event_encoder::finish(std::string& out, const chat::finished_event& end) {
    close(out);
    json_writer json;
    json.begin_object().member("type", "message_delta").key("delta").begin_object();
    write_stop(json, called_, who_, end.reason);
    json.end_object();
    write_usage(json, end.usage);
    json.end_object();
    out += event_of("message_delta", json.take());
    out += event_of("message_stop", R"({"type":"message_stop"})");
}

}  // namespace corral::api::anthropic
