#pragma once
// The answers of /v1/chat/completions (docs/facts/ollama_wire.md#openai-chat-reply, #openai-chat-stream).

#include <span>
#include <string>
#include <string_view>

#include "api/openai/answer.hpp"

namespace corral::api::openai {

class chat_answer final : public event_format {
public:
    chat_answer(std::string typed, bool include_usage, core::random_source& random);
    std::string encode(chat::generation_event& event) override;
    std::string whole(const whole_answer& answer, const chat::finished_event& end) override;

private:
    // {"id":…, up to and with the key of the choices.
    void begin(json_writer& json, std::string_view object) const;
    [[nodiscard]] std::string piece(const chat::generation_event& event);
    // One chunk with what there is.
    [[nodiscard]] std::string chunk(std::string_view text, std::string_view thinking,
                                    std::span<const chat::tool_call> calls,
                                    std::span<const chat::token_logprob> logprobs);
    // The last chunks: what ends the choice, the usage if wanted, the end mark.
    [[nodiscard]] std::string last(const chat::finished_event& end);
    void write_calls(json_writer& json, std::span<const chat::tool_call> calls);
    [[nodiscard]] const char* reason_word(const chat::finished_event& end) const;

    std::string id_;
    std::int64_t created_;
    bool include_usage_;
    bool role_said_ = false;
    std::size_t next_call_index_ = 0;
};

}  // namespace corral::api::openai
