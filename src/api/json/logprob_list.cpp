#include "api/json/logprob_list.hpp"

namespace corral::api {

namespace {

void write_chance(json_writer& json, const chat::token_chance& token) {
    json.member("token", token.bytes).key("logprob").real(token.logprob);
    if (token.bytes.empty()) {
        return;
    }
    json.key("bytes").begin_array();
    for (const char byte : token.bytes) {
        json.number(static_cast<unsigned>(static_cast<unsigned char>(byte)));
    }
    json.end_array();
}

}  // namespace

void write_logprobs(json_writer& json, std::span<const chat::token_logprob> tokens) {
    json.begin_array();
    for (const chat::token_logprob& each : tokens) {
        json.begin_object();
        write_chance(json, each.written);
        if (!each.likeliest.empty()) {
            json.key("top_logprobs").begin_array();
            for (const chat::token_chance& other : each.likeliest) {
                json.begin_object();
                write_chance(json, other);
                json.end_object();
            }
            json.end_array();
        }
        json.end_object();
    }
    json.end_array();
}

std::size_t write_completion_logprobs(json_writer& json, std::span<const chat::token_logprob> tokens,
                                      std::size_t offset) {
    json.begin_object().key("tokens").begin_array();
    for (const chat::token_logprob& each : tokens) {
        json.text(each.written.bytes);
    }
    json.end_array().key("token_logprobs").begin_array();
    for (const chat::token_logprob& each : tokens) {
        json.real(each.written.logprob);
    }
    json.end_array().key("top_logprobs").begin_array();
    for (const chat::token_logprob& each : tokens) {
        json.begin_object();
        for (const chat::token_chance& other : each.likeliest) {
            json.key(other.bytes).real(other.logprob);
        }
        json.end_object();
    }
    json.end_array().key("text_offset").begin_array();
    for (const chat::token_logprob& each : tokens) {
        json.number(offset);
        for (const char byte : each.written.bytes) {
            offset += (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U ? 0 : 1;
        }
    }
    json.end_array().end_object();
    return offset;
}

}  // namespace corral::api
