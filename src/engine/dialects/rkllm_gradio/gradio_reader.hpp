#pragma once
// The answer of Rockchip's gradio_server.py (docs/facts/other_runtimes.md#rkllm-gradio): events with the whole history so
// far, of which the last pair is this answer. No I/O.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/streaming/event_lines.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::rkllm_gradio {

class gradio_reader final : public streaming::answer_reader {
public:
    [[nodiscard]] core::result<void> feed(std::string_view bytes,
                                          std::vector<streaming::answer_part>& out) override;
    // What is no whole event by now is none: `complete` is the only end.
    [[nodiscard]] core::result<void> finish(std::vector<streaming::answer_part>& out) override;

private:
    [[nodiscard]] core::result<void> take(std::string_view event, std::vector<streaming::answer_part>& out);
    // What `all` says beyond what was said; nothing: it says something else. White space within is not compared, for
    // Gradio 4 takes away the indentation that all lines behind the first share, until one has less.
    [[nodiscard]] std::optional<std::string_view> beyond(std::string_view all) const;

    static constexpr std::size_t most = 192UL * 1024;  // bytes of one event
    streaming::event_lines lines_{most, true};
    std::vector<std::string> events_;
    std::string said_;
    bool ended_ = false;
};

}  // namespace corral::engine::rkllm_gradio
