#pragma once
// The answers of /v1/responses: one object, or the events that build it
// (docs/facts/ollama_wire.md#openai-responses).

#include <string>

#include "api/openai/answer.hpp"
#include "api/openai/response_object.hpp"

namespace corral::api::openai {

class responses_answer final : public event_format {
public:
    responses_answer(std::string typed, response_echo echo, core::random_source& random);
    http::response_head head() override;
    std::string opening() override;
    std::string encode(chat::generation_event& event) override;
    std::string whole(const whole_answer& answer, const chat::finished_event& end) override;

private:
    enum class open_item { none, reasoning, message };

    // "event: …" with `fields`, the type and the next number, its keys sorted.
    [[nodiscard]] std::string event(const char* type, nlohmann::ordered_json fields);
    // The same, of the item that is open now.
    [[nodiscard]] std::string item_event(const char* type, const std::string& item,
                                         nlohmann::ordered_json fields);
    [[nodiscard]] std::string whole_event(const char* type, response_status status,
                                          const chat::token_usage* usage, std::string_view error);

    [[nodiscard]] std::string thinking_piece(const std::string& piece);
    [[nodiscard]] std::string text_piece(const std::string& piece);
    [[nodiscard]] std::string call_events(const chat::tool_call& call);
    // Of an answer that is a summary: it goes out whole.
    [[nodiscard]] std::string summary_piece(const chat::generation_event& event);
    [[nodiscard]] std::string open_reasoning();
    [[nodiscard]] std::string open_message();
    // Ends the open item, which joins the output.
    [[nodiscard]] std::string close_item();
    [[nodiscard]] std::string close_message();
    [[nodiscard]] std::string item_done(nlohmann::ordered_json item);
    [[nodiscard]] std::string last(const chat::finished_event& end);
    [[nodiscard]] std::string failure(const chat::failed_event& why);

    response_object response_;
    nlohmann::ordered_json output_ = nlohmann::ordered_json::array();
    open_item open_ = open_item::none;
    std::string text_;       // of the open item
    bool answered_ = false;  // a message or a call has begun
    bool cut_ = false;       // a limit ended the answer
    std::size_t calls_ = 0;
    std::uint64_t next_number_ = 0;
};

}  // namespace corral::api::openai
