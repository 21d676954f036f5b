#pragma once
// How Axera's transitional server (late 2025, main_api of ax-llm at 355e18a;
// docs/facts/vendor_ax.md#sse-build) is asked: OpenAI's chat completions with the older server's names of the
// sampling values, and settings that stay from call to call. No I/O.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "engine/streaming/event_answer.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::ax_sse {

// The answer of Axera's transitional server: chat.completion.chunk events, the last one "[DONE]"; or one
// whole chat.completion (docs/facts/vendor_ax.md#sse-build). No I/O.
class ax_sse_reader final : public streaming::event_answer {
private:
    [[nodiscard]] core::result<void> take(const nlohmann::json& event, const std::string& data,
                                          std::vector<streaming::answer_part>& out) override;
};

class ax_sse_protocol final : public streaming::stream_protocol {
public:
    // `vocabulary` bounds top-k; 0: not known.
    ax_sse_protocol(catalog::runtime_traits traits, catalog::sampling_defaults defaults,
                    std::uint32_t vocabulary)
        : traits_(std::move(traits)), defaults_(defaults), vocabulary_(vocabulary) {}
    // errc::refused for a verbatim prompt: the server puts its own template around the messages. Without
    // rendered_prompt::messages the system prompt is one message and the turns, in the family's own format, are
    // another: the model reads the same.
    [[nodiscard]] core::result<streaming::stream_request> request_for(const run_spec& spec) const override;
    [[nodiscard]] std::unique_ptr<streaming::answer_reader> reader(const run_spec& spec) const override;
    // Busy is a 400 with a sentence, so the status alone does not tell.
    [[nodiscard]] bool needs_system_prompt() const override { return true; }
    [[nodiscard]] streaming::error_part error_of(unsigned status, std::string_view body) const override;
    // Only its log says how long its context is (docs/facts/vendor_ax.md#start).
    [[nodiscard]] streaming::stated_sizes sizes_in_line(std::string_view line) const override;

private:
    catalog::runtime_traits traits_;
    catalog::sampling_defaults defaults_;
    std::uint32_t vocabulary_;
};

// Of a model whose profile names this dialect. Fails with a sentence that names the model.
[[nodiscard]] core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(
    const catalog::model_entry& model);

}  // namespace corral::engine::ax_sse
