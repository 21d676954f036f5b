#pragma once
// An answer of OpenAI's chat completions or completions: events of which the last is "[DONE]", or one whole
// answer, or a failure in place of either. No I/O.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/catalog/traits.hpp"
#include "engine/streaming/event_lines.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::openai_sse {

// Nothing (discarded) when `text` is no JSON or nests deeper than 32, which a tree would not survive.
[[nodiscard]] nlohmann::json shallow_json(std::string_view text);

// What an error of any of the known shapes says: nested, flat, a string, or {"detail":…}.
[[nodiscard]] streaming::error_part error_in(std::string_view body);

class openai_reader final : public streaming::answer_reader {
public:
    explicit openai_reader(const catalog::runtime_traits& traits)
        : cumulative_(traits.cumulative), timings_(traits.timings) {}

    // An event may hold 1 MiB, a whole answer 16 MiB.
    [[nodiscard]] core::result<void> feed(std::string_view bytes,
                                          std::vector<streaming::answer_part>& out) override;
    [[nodiscard]] core::result<void> finish(std::vector<streaming::answer_part>& out) override;

private:
    [[nodiscard]] core::result<void> take(const std::string& data, std::vector<streaming::answer_part>& out);
    void take_choice(const nlohmann::json& choice, std::vector<streaming::answer_part>& out);
    void take_text(std::string text, std::vector<streaming::answer_part>& out);

    bool cumulative_;
    catalog::timing_source timings_;
    streaming::event_lines lines_;
    std::vector<std::string> events_;
    std::string whole_;      // of an answer that is no event stream
    std::string seen_text_;  // of a cumulative one
    bool begun_ = false;
    bool is_whole_ = false;
    bool ended_ = false;
};

}  // namespace corral::engine::openai_sse
