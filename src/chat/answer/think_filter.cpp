#include "chat/answer/think_filter.hpp"

#include <algorithm>
#include <utility>

#include "chat/answer/stop_matcher.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

constexpr std::string_view open_tag = "<think>";
constexpr std::string_view close_tag = "</think>";

}  // namespace

split_text think_filter::feed(std::string_view text) {
    held_ += text;
    split_text out;
    bool go_on = true;
    while (go_on) {
        switch (state_) {
            case state::looking:
                go_on = look(out);
                break;
            case state::opened:
                go_on = open();
                break;
            case state::thinking:
                go_on = think(out);
                break;
            case state::closed:
                go_on = skip_space();
                break;
            case state::answer:
                out.answer += held_;
                held_.clear();
                go_on = false;
                break;
        }
    }
    return out;
}

split_text think_filter::finish(bool cut) {
    split_text out;
    const bool inside = state_ == state::opened || state_ == state::thinking;
    if (cut) {
        drop_half_tag();
    }
    (inside ? out.thinking : out.answer) = std::move(held_);
    held_.clear();
    return out;
}

void think_filter::drop_half_tag() {
    const std::string_view text = held_;
    std::size_t half = 0;
    if (state_ == state::looking || state_ == state::opened) {
        half = partial_suffix_length(text, open_tag);
    }
    if (state_ == state::opened || state_ == state::thinking) {
        half =
            std::max({half, partial_suffix_length(text, close_tag), partial_suffix_length(text, end_tag_)});
    }
    if (half > 0) {
        held_.resize(core::trimmed_back(text.substr(0, text.size() - half)).size());
    }
}

bool think_filter::look(split_text& out) {
    const auto rest = core::trimmed_front(held_);
    if (rest.starts_with(open_tag)) {
        held_ = rest.substr(open_tag.size());
        state_ = state::opened;
        return true;
    }
    if (open_tag.starts_with(rest)) {
        return false;
    }
    out.answer += held_;
    held_.clear();
    state_ = state::answer;
    return false;
}

// Behind the tag: white space goes, and the tag once more when the model repeats it.
bool think_filter::open() {
    held_ = std::string(core::trimmed_front(held_));
    if (may_repeat_tag_ && held_.starts_with(open_tag)) {
        held_.erase(0, open_tag.size());
        may_repeat_tag_ = false;
        return true;
    }
    if (held_.empty() || (may_repeat_tag_ && open_tag.starts_with(held_))) {
        return false;
    }
    state_ = state::thinking;
    return true;
}

bool think_filter::think(split_text& out) {
    const std::string_view text = held_;
    const auto close = text.find(close_tag);
    const auto end = end_tag_.empty() ? std::string_view::npos : text.find(end_tag_);
    if (close != std::string_view::npos || end != std::string_view::npos) {
        const std::string_view rest = core::trimmed_back(text.substr(0, std::min(close, end)));
        out.thinking += rest;
        has_words_ = has_words_ || !rest.empty();
        closed_empty_ = !has_words_;
        held_.erase(0, close < end ? close + close_tag.size() : end);
        state_ = close < end ? state::closed : state::answer;
        return true;
    }
    const auto tag = std::max(partial_suffix_length(text, close_tag), partial_suffix_length(text, end_tag_));
    const auto sure = core::trimmed_back(text.substr(0, text.size() - tag)).size();
    out.thinking += text.substr(0, sure);
    has_words_ = has_words_ || sure > 0;
    held_.erase(0, sure);
    return false;
}

bool think_filter::skip_space() {
    held_ = std::string(core::trimmed_front(held_));
    if (held_.empty()) {
        return false;
    }
    state_ = state::answer;
    return true;
}

}  // namespace corral::chat
