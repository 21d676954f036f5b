#include "chat/answer/stop_matcher.hpp"
#include "corral/core/utf8.hpp"

#include <utility>

namespace corral::chat {

stop_matcher::stop_matcher(std::vector<std::string> ends) : ends_(std::move(ends)) {
    std::erase_if(ends_, [](const std::string& one) { return one.empty(); });
    for (const std::string& end : ends_) {
        begins_.set(static_cast<unsigned char>(end.front()));
    }
}

std::string stop_matcher::feed(std::string_view text) {
    if (stopped_) {
        return {};
    }
    held_ += text;
    return advance(true);
}

std::string stop_matcher::finish() {
    return advance(false);
}

std::string stop_matcher::advance(bool more_may_come) {
    std::size_t at = 0;
    for (; at < held_.size(); ++at) {
        const auto rest = std::string_view(held_).substr(at);
        if (!begins_.test(static_cast<unsigned char>(rest.front()))) {
            continue;
        }
        if (core::continues_character(rest.front())) {
            continue;  // a stop of broken bytes must not cut a character
        }
        const auto met =
            std::ranges::find_if(ends_, [&](const std::string& end) { return rest.starts_with(end); });
        if (met != ends_.end()) {
            stopped_ = true;
            hit_ = *met;
            break;
        }
        if (more_may_come &&
            std::ranges::any_of(ends_, [&](const std::string& end) { return end.starts_with(rest); })) {
            break;
        }
    }
    auto out = held_.substr(0, at);
    held_.erase(0, stopped_ ? held_.size() : at);
    return out;
}

}  // namespace corral::chat
