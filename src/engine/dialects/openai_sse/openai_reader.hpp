#pragma once
// An answer of OpenAI's chat completions or completions: events of which the last is "[DONE]", or one whole
// answer, or a failure in place of either. No I/O.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/catalog/traits.hpp"
#include "engine/streaming/event_answer.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::openai_sse {

// What an error of any of the known shapes says: nested, flat, a string, or {"detail":…}.
[[nodiscard]] streaming::error_part error_in(std::string_view body);

// The events of an answer mostly differ in one text. One whose other bytes are those of an event that was parsed says
// what that one said, with its own text (docs/benchmarks.md#streams-beside-other-proxies).
class text_frame {
public:
    // `event` said nothing but `text`. Learns nothing where the place of `text` in it is not sure.
    void learn(std::string_view event, std::string_view text);
    // Empty where `event` has to be parsed.
    [[nodiscard]] std::string_view text_of(std::string_view event) const noexcept;

private:
    std::string before_;  // up to the quotation mark
    std::string after_;
};

class openai_reader final : public streaming::event_answer {
public:
    // `top_logprobs`: as run_spec has it.
    explicit openai_reader(const catalog::runtime_traits& traits,
                           std::optional<std::uint32_t> top_logprobs = {})
        : cumulative_(traits.cumulative), timings_(traits.timings), top_logprobs_(top_logprobs) {}

private:
    [[nodiscard]] core::result<void> take(const nlohmann::json& event, const std::string& data,
                                          std::vector<streaming::answer_part>& out) override;
    [[nodiscard]] bool take_unparsed(std::string_view data,
                                     std::vector<streaming::answer_part>& out) override;
    void learn(std::string_view data, const streaming::answer_part& said);
    void take_choice(const nlohmann::json& choice, std::vector<streaming::answer_part>& out);
    void take_text(std::string text, std::vector<streaming::answer_part>& out);

    bool cumulative_;
    catalog::timing_source timings_;
    std::optional<std::uint32_t> top_logprobs_;
    std::string seen_text_;  // of a cumulative one
    text_frame frame_;
    bool frame_thinks_ = false;
};

}  // namespace corral::engine::openai_sse
