#include "chat/empty_think_filter.hpp"

#include <utility>

#include "chat/space.hpp"

namespace corral::chat {

namespace {

enum class match { no, yet_open, yes };

// Takes white space and then `tag` off the front of `rest`.
match take(std::string_view& rest, std::string_view tag) {
    rest = trim_left(rest);
    if (rest.starts_with(tag)) {
        rest.remove_prefix(tag.size());
        return match::yes;
    }
    return tag.starts_with(rest) ? match::yet_open : match::no;
}

match take_empty_block(std::string_view& rest) {
    const auto opened = take(rest, "<think>");
    return opened == match::yes ? take(rest, "</think>") : opened;
}

}  // namespace

std::string empty_think_filter::feed(std::string_view text) {
    held_ += text;
    if (state_ == state::looking) {
        std::string_view rest = held_;
        const auto found = take_empty_block(rest);
        if (found == match::yet_open) {
            return {};
        }
        state_ = found == match::yes ? state::closed : state::answer;
        if (found == match::yes) {
            held_ = std::string(rest);
        }
    }
    if (state_ == state::closed) {
        held_ = std::string(trim_left(held_));
        if (held_.empty()) {
            return {};
        }
        state_ = state::answer;
    }
    return std::exchange(held_, {});
}

std::string empty_think_filter::finish() {
    return std::exchange(held_, {});
}

}  // namespace corral::chat
