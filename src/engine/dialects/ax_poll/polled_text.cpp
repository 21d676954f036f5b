#include "engine/dialects/ax_poll/polled_text.hpp"

#include <utility>

namespace corral::engine::ax_poll {

void polled_text::on_answer(std::string_view text, std::uint32_t tokens, bool perhaps_final) {
    open_ += std::exchange(doubt_, {});
    (perhaps_final ? doubt_ : open_) += text;
    if (!text.empty()) {
        borders_.push_back({open_.size() + doubt_.size(), tokens});
    }
}

polled_text::poll_verdict polled_text::on_poll(std::string_view text) {
    const std::string all = open_ + doubt_;
    const std::size_t at = all.find(text);
    if (at == std::string::npos) {
        return {.ours = false, .gap = false, .text = {}};
    }
    const std::size_t end = at + text.size();
    if (end > open_.size()) {
        open_ = all;  // it was polled, so it was a piece
        doubt_.clear();
    }
    open_.erase(0, end);
    while (!borders_.empty() && borders_.front().end <= end) {
        polled_tokens_ = borders_.front().tokens;
        borders_.pop_front();
    }
    for (border& later : borders_) {
        later.end -= end;
    }
    return {.ours = true, .gap = at > 0, .text = all.substr(0, end)};
}

std::string polled_text::rest() {
    doubt_.clear();
    return std::exchange(open_, {});
}

}  // namespace corral::engine::ax_poll
