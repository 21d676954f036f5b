#include "engine/request_words.hpp"

#include <algorithm>

namespace corral::engine {

namespace {

constexpr std::size_t most_requests = 8;  // what a runtime holds back comes with the next run's lines

// Of a letter of bare(line); a letter of several bytes is whole.
std::size_t place_in(std::string_view line, std::size_t letter) {
    std::size_t at = 0;
    while (!is_spoken(line[at]) || letter-- > 0) {
        ++at;
    }
    while (at > 0 && (static_cast<unsigned char>(line[at]) & 0xC0U) == 0x80U) {
        --at;
    }
    return at;
}

}  // namespace

request_words::listener::listener(request_words& of, const chat::rendered_prompt& prompt, run_sink& next)
    : words_(std::make_shared<spoken_text>()), next_(next) {
    words_->add(prompt.system);
    words_->add(prompt.turns);
    for (const auto& each : prompt.messages) {
        words_->add(each.text);
    }
    of.recent_.push_back(words_);
    if (of.recent_.size() > most_requests) {
        of.recent_.pop_front();
    }
}

void request_words::listener::on_text(std::string_view piece, const run_progress& now) {
    words_->add(piece);
    next_.on_text(piece, now);
}

bool request_words::hold(std::string_view sign) const {
    const std::string wanted = bare(sign);
    return std::any_of(recent_.begin(), recent_.end(), [&](const auto& each) {
        // Of a long one the rest is not known.
        return each->is_cut() || each->holds(wanted);
    });
}

std::size_t request_words::begin_in(std::string_view line) const {
    std::string shortened = bare(line);
    std::size_t first = std::string_view::npos;
    for (const auto& each : recent_) {
        const std::size_t begin = each->run_in(shortened);
        if (begin != std::string_view::npos) {
            first = begin;
            shortened.resize(std::min(shortened.size(), begin + spoken_text::least_run));
        }
    }
    return first == std::string_view::npos ? first : place_in(line, first);
}

}  // namespace corral::engine
