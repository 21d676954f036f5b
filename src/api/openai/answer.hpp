#pragma once
// What the answers of all generating routes of this format have in common.

#include <string>
#include <string_view>

#include "api/answer_stream.hpp"
#include "api/json/json_writer.hpp"
#include "api/openai/error_reply.hpp"
#include "api/request_start.hpp"

namespace corral::api::openai {

class event_format : public answer_format {
public:
    // `typed` is the model as the client wrote it.
    explicit event_format(std::string typed) : model_(std::move(typed)) {}
    http::response_head head() override;
    // A comment: parsers of event streams drop it, OpenAI's own among them.
    std::string keep_alive() override { return ": keep-alive\n\n"; }
    http::response refusal(const chat::failed_event& why, bool streamed) override;
    [[nodiscard]] const char* whole_type() const override { return reply_type; }
    [[nodiscard]] const std::string& model() const noexcept { return model_; }

private:
    std::string model_;
};

[[nodiscard]] core::awaitable<void> send_json(std::string body, http::response_writer& out);

// "data: …", with its blank line.
[[nodiscard]] std::string data_event(std::string_view json);
inline constexpr std::string_view done_event = "data: [DONE]\n\n";

// What is the same in the answers of both completion routes.
inline constexpr const char* system_fingerprint = "fp_ollama";
void write_usage(json_writer& json, const chat::token_usage& usage);
[[nodiscard]] const char* finish_word(chat::finish_reason reason) noexcept;
// Seconds since the epoch.
[[nodiscard]] std::int64_t now_in_seconds();

}  // namespace corral::api::openai
