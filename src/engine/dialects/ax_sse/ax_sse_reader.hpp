#pragma once
// The answer of Axera's transitional server: chat.completion.chunk events, the last one "[DONE]"; or one
// whole chat.completion (docs/facts/vendor_ax.md#sse-build). No I/O.

#include <string>
#include <vector>

#include "engine/streaming/event_answer.hpp"

namespace corral::engine::ax_sse {

class ax_sse_reader final : public streaming::event_answer {
private:
    [[nodiscard]] core::result<void> take(const nlohmann::json& event, const std::string& data,
                                          std::vector<streaming::answer_part>& out) override;
};

}  // namespace corral::engine::ax_sse
