#pragma once
// The answer of Axera's transitional server: chat.completion.chunk events, the last one "[DONE]"; or one
// whole chat.completion (vendor_ax.md §13.2). No I/O.

#include <string>
#include <string_view>
#include <vector>

#include "engine/streaming/event_lines.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::ax_sse {

class ax_sse_reader final : public streaming::answer_reader {
public:
    [[nodiscard]] core::result<void> feed(std::string_view bytes,
                                          std::vector<streaming::answer_part>& out) override;
    [[nodiscard]] core::result<void> finish(std::vector<streaming::answer_part>& out) override;

private:
    [[nodiscard]] core::result<void> take(const std::string& data, std::vector<streaming::answer_part>& out);

    streaming::event_lines lines_;
    std::vector<std::string> events_;
    std::string whole_;  // of an answer that begins with a brace and so is no event stream
    bool begun_ = false;
    bool is_whole_ = false;
    bool ended_ = false;
};

}  // namespace corral::engine::ax_sse
