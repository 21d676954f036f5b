#pragma once
// Logprobs on their way: each waits until no stop text can begin at its token or before it, for a token that a stop
// takes away is not reported. Pure.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/chat/generation_event.hpp"

namespace corral::generation {

class token_hold {
public:
    explicit token_hold(const std::vector<std::string>& stops) {
        for (const std::string& stop : stops) {
            window_ = std::max(window_, stop.size());
        }
        window_ -= std::min<std::size_t>(window_, 1);
    }

    void add(chat::token_logprobs tokens) {
        bytes_ += chat::size_of(tokens);
        std::ranges::move(tokens, std::back_inserter(held_));
        tokens.clear();
    }
    // Those that are certain.
    [[nodiscard]] chat::token_logprobs take() {
        std::size_t behind = 0;
        std::size_t keep = 0;
        while (keep < held_.size() && behind < window_) {
            ++keep;
            behind += held_[held_.size() - keep].written.bytes.size();
        }
        return take_first(held_.size() - keep);
    }
    // The rest, at the end; `stop`: the text that ended the answer, or empty.
    [[nodiscard]] chat::token_logprobs take_all(std::string_view stop) {
        std::string text;
        for (const chat::token_logprob& each : held_) {
            text += each.written.bytes;
        }
        const std::size_t end = stop.empty() ? std::string::npos : text.find(stop);
        std::size_t count = 0;
        for (std::size_t at = 0; count < held_.size() && at < end; ++count) {
            at += held_[count].written.bytes.size();
        }
        chat::token_logprobs out = take_first(count);
        clear();
        return out;
    }
    void clear() {
        held_.clear();
        bytes_ = 0;
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    chat::token_logprobs take_first(std::size_t count) {
        const auto end = held_.begin() + static_cast<std::ptrdiff_t>(count);
        chat::token_logprobs out(std::make_move_iterator(held_.begin()), std::make_move_iterator(end));
        held_.erase(held_.begin(), end);
        bytes_ -= chat::size_of(out);
        return out;
    }

    std::size_t window_ = 0;  // bytes of the longest stop but one
    chat::token_logprobs held_;
    std::size_t bytes_ = 0;
};

}  // namespace corral::generation
