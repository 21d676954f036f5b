#include "engine/request_words.hpp"

#include <algorithm>

namespace corral::engine {

namespace {

constexpr std::size_t most_requests = 8;  // what a runtime holds back comes with the next run's lines
constexpr std::size_t most_bytes = 256UL * 1024;

std::string bare(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
            out += c;
        }
    }
    return out;
}

void add(std::string& to, std::string_view text) {
    to.append(text.substr(0, most_bytes - std::min(most_bytes, to.size())));
}

}  // namespace

request_words::listener::listener(request_words& of, const chat::rendered_prompt& prompt, run_sink& next)
    : words_(std::make_shared<std::string>()), next_(next) {
    add(*words_, prompt.system);
    add(*words_, "\n");
    add(*words_, prompt.turns);
    for (const auto& each : prompt.messages) {
        add(*words_, "\n");
        add(*words_, each.text);
    }
    add(*words_, "\n");
    of.recent_.push_back(words_);
    if (of.recent_.size() > most_requests) {
        of.recent_.pop_front();
    }
}

void request_words::listener::on_text(std::string_view piece, const run_progress& now) {
    add(*words_, piece);
    next_.on_text(piece, now);
}

bool request_words::hold(std::string_view sign) const {
    const std::string wanted = bare(sign);
    return std::any_of(recent_.begin(), recent_.end(), [&](const auto& each) {
        // Of a long one the rest is not known.
        return each->size() >= most_bytes || bare(*each).find(wanted) != std::string::npos;
    });
}

}  // namespace corral::engine
