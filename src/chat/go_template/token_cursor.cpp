#include "chat/go_template/token_cursor.hpp"

namespace corral::chat::go_template {

namespace {

constexpr std::size_t deepest = 100;

}  // namespace

void token_cursor::fail(std::string reason) {
    if (!wrong_.found()) {
        wrong_ = {next().line, std::move(reason)};
    }
    at_ = tokens_.size() - 1;
}

const token& token_cursor::taken() {
    const token& out = tokens_[at_];
    if (at_ + 1 < tokens_.size()) {
        ++at_;
    }
    return out;
}

bool token_cursor::take(token::kind what) {
    if (next().what != what) {
        return false;
    }
    taken();
    return true;
}

void token_cursor::spaces() {
    while (take(kind::space)) {
    }
}

std::string token_cursor::next_word() const {
    auto at = at_;
    if (tokens_[at].what != kind::open) {
        return {};
    }
    while (tokens_[++at].what == kind::space) {
    }
    return tokens_[at].what == kind::word ? tokens_[at].text : std::string{};
}

void token_cursor::skip_word() {
    take(kind::open);
    spaces();
    take(kind::word);
}

void token_cursor::need_close(const std::string& action) {
    spaces();
    if (!take(kind::close)) {
        fail("unexpected text in " + action);
    }
}

bool token_cursor::deeper() {
    if (++depth_ > deepest) {
        fail("nested too deeply");
        return false;
    }
    return true;
}

}  // namespace corral::chat::go_template
