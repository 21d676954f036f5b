#pragma once
// Answers as Anthropic's clients read them: one message object, or the events that build it up
// (docs/facts/ollama_wire.md#anthropic).

#include <cstddef>
#include <string>
#include <string_view>

#include "api/answer_stream.hpp"
#include "api/json/json_writer.hpp"
#include "corral/chat/generation_event.hpp"

namespace corral::api::anthropic {

// What all parts of one answer have in common.
struct message_identity {
    std::string id;
    std::string model;         // as typed
    std::string stopped_by{};  // a stop sequence, once one has ended it
};

// The whole answer as one object, with the newline that ends it.
[[nodiscard]] std::string encode_message(const message_identity& identity, const whole_answer& answer,
                                         const chat::finished_event& end);

// Builds the events of one answer, one after another. Content blocks follow each other: one is open at most.
class event_encoder {
public:
    explicit event_encoder(message_identity identity) : who_(std::move(identity)) {}

    [[nodiscard]] std::string start(std::size_t guessed_input_tokens);
    // Everything `event` leads to. A terminal event ends the stream.
    [[nodiscard]] std::string encode(chat::generation_event& event);
    [[nodiscard]] static std::string ping();
    void stopped_by(std::string_view text) { who_.stopped_by = text; }
    [[nodiscard]] const message_identity& identity() const noexcept { return who_; }

private:
    enum class block { none, thinking, text };
    void add_piece(std::string& out, block kind, std::string_view piece);
    void add_call(std::string& out, const chat::tool_call& call);
    void open(std::string& out, block kind);
    void close(std::string& out);
    void finish(std::string& out, const chat::finished_event& end);

    message_identity who_;
    block open_ = block::none;
    std::size_t index_ = 0;  // of the open block, or of the next one
    bool thought_ = false;   // there was a thinking block; a second one is dropped
    bool called_ = false;
};

}  // namespace corral::api::anthropic
