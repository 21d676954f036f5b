#pragma once
// From a request to the bytes of its answer, the same for all generating routes of this format.

#include <memory>
#include <string>
#include <string_view>

#include "api/answer_stream.hpp"
#include "api/ids.hpp"
#include "api/json/json_writer.hpp"

namespace corral::api::openai {

// How one route writes its answer, streamed or whole.
class answer_format : public stream_format {
public:
    // `typed` is the model as the client wrote it.
    explicit answer_format(std::string typed) : model_(std::move(typed)) {}
    http::response_head head() override;
    // A comment: parsers of event streams drop it, OpenAI's own among them.
    std::string keep_alive() override { return ": keep-alive\n\n"; }
    http::response refusal(const chat::failed_event& why) override;
    // The body of the answer as a whole, with its final newline.
    [[nodiscard]] virtual std::string whole(const whole_answer& said, const chat::finished_event& end) = 0;
    [[nodiscard]] const std::string& model() const noexcept { return model_; }

private:
    std::string model_;
};

// Runs `what` and sends its answer, as a stream if `stream`.
[[nodiscard]] core::awaitable<void> answer(const api_context& context, const http::request& incoming,
                                           chat::generation_request what, generation::served model,
                                           std::unique_ptr<answer_format> format, bool stream,
                                           http::response_writer& out);

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
