#pragma once
// The answers of /v1/completions (docs/facts/ollama_wire.md#openai-completions). Thinking is not part of
// them.

#include <string>

#include "api/openai/answer.hpp"

namespace corral::api::openai {

class completion_answer final : public event_format {
public:
    completion_answer(std::string typed, bool include_usage, core::random_source& random);
    std::string encode(chat::generation_event& event) override;
    std::string whole(const whole_answer& answer, const chat::finished_event& end) override;

    // The answer to an empty prompt, once the model is loaded.
    [[nodiscard]] std::string loaded();
    [[nodiscard]] std::string loaded_as_stream();

private:
    // `reason` is nullptr while the text goes on.
    [[nodiscard]] std::string chunk(std::string_view text, const char* reason,
                                    const chat::token_logprobs& tokens = {});
    // The chunk with the usage if wanted, and the end mark.
    [[nodiscard]] std::string closing(const chat::token_usage& usage) const;
    [[nodiscard]] std::string object(std::string_view text, const char* reason,
                                     const chat::token_usage& usage, const chat::token_logprobs& tokens = {});
    void write_choice(json_writer& json, std::string_view text, const char* reason,
                      const chat::token_logprobs& tokens);

    std::string id_;
    std::int64_t created_;
    bool include_usage_;
    std::size_t logprob_bytes_ = 0;  // of the tokens whose logprobs were sent
};

}  // namespace corral::api::openai
