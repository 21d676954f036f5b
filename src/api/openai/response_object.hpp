#pragma once
// The response object of /v1/responses and the items of its output
// (docs/facts/ollama_wire.md#openai-responses).

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "api/openai/responses_request.hpp"
#include "corral/chat/generation_event.hpp"
#include "corral/core/random_source.hpp"

namespace corral::api::openai {

// How far the response is; the rest of what differs follows from it.
enum class response_status { in_progress, completed, incomplete, failed };

class response_object {
public:
    response_object(std::string model, response_echo echo, core::random_source& random);

    [[nodiscard]] const std::string& message_id() const noexcept { return message_id_; }
    [[nodiscard]] const std::string& reasoning_id() const noexcept { return reasoning_id_; }
    [[nodiscard]] std::string call_id(std::size_t index) const;

    // Keys in the order of a whole answer. `usage` is nullptr before the end, `error` empty without one.
    [[nodiscard]] nlohmann::ordered_json build(response_status status, const nlohmann::ordered_json& output,
                                               const chat::token_usage* usage, std::string_view error) const;

    [[nodiscard]] nlohmann::ordered_json reasoning_item(const std::string& thinking) const;
    // `cut`: a limit ended it.
    [[nodiscard]] nlohmann::ordered_json message_item(const std::string& text, bool cut = false) const;
    // Nullptr: the answer is no summary.
    [[nodiscard]] const compaction_plan* compaction() const noexcept {
        return echo_.compaction ? &*echo_.compaction : nullptr;
    }
    // By the client's own limit. At the context's end the answer is complete, as Ollama has it: programs that set no
    // limit take an incomplete one for a broken stream, and ask the same again.
    [[nodiscard]] bool was_cut(const chat::finished_event& end) const noexcept {
        return end.reason == chat::finish_reason::length && echo_.max_output_tokens.has_value();
    }
    // What POST /v1/responses/compact answers.
    [[nodiscard]] nlohmann::ordered_json compacted(const std::string& summary,
                                                   const chat::token_usage& usage) const;
    // A search for tools, which has no events of its arguments.
    [[nodiscard]] bool is_search(const chat::tool_call& call) const;
    // Complete, or begun and without its arguments.
    [[nodiscard]] nlohmann::ordered_json call_item(std::size_t index, const chat::tool_call& call,
                                                   bool complete) const;

private:
    void add_end(nlohmann::ordered_json& out, const chat::token_usage* usage) const;

    std::string model_;
    response_echo echo_;
    std::string id_;
    std::string message_id_;
    std::string reasoning_id_;
    std::int64_t created_;
};

// {"type":"output_text",…}
[[nodiscard]] nlohmann::ordered_json text_part(const std::string& text);
// The arguments of a call as a text.
[[nodiscard]] std::string arguments_text(const chat::tool_call& call);

}  // namespace corral::api::openai
