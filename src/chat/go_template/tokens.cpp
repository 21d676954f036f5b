#include "chat/go_template/tokens.hpp"

#include <algorithm>

#include "chat/go_template/texts.hpp"
#include "corral/core/text.hpp"

namespace corral::chat::go_template {

namespace {

constexpr std::string_view blanks = " \t\r\n";

bool is_blank(char c) {
    return blanks.find(c) != std::string_view::npos;
}
bool begins_word(char c) {
    return core::is_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) {
    return begins_word(c) || core::is_digit(c);
}

class lexer {
public:
    lexer(std::string_view source, problem& wrong) : rest_(source), wrong_(wrong) {}

    std::vector<token> run() {
        bool trims = false;
        while (!rest_.empty() && !wrong_.found()) {
            trims = text(trims);
            if (!rest_.empty() && !wrong_.found()) {
                trims = action();
            }
        }
        add(token::kind::end, {});
        return std::move(tokens_);
    }

private:
    using kind = token::kind;

    void add(kind what, std::string text) { tokens_.push_back({what, line_, std::move(text)}); }
    void fail(std::string reason) {
        if (!wrong_.found()) {
            wrong_ = {line_, std::move(reason)};
        }
        rest_ = {};
    }
    void skip(std::size_t bytes) {
        line_ += static_cast<std::size_t>(
            std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(bytes), '\n'));
        rest_.remove_prefix(bytes);
    }

    // Up to the next action; true when its left marker trims, which is done.
    bool text(bool trims) {
        const auto end = std::min(rest_.find("{{"), rest_.size());
        auto piece = rest_.substr(0, end);
        const auto after = rest_.substr(end);
        const bool trims_right = after.size() > 3 && after[2] == '-' && is_blank(after[3]);
        if (trims) {
            piece.remove_prefix(std::min(piece.find_first_not_of(blanks), piece.size()));
        }
        if (trims_right) {
            piece = core::trimmed_back(piece, blanks);
        }
        if (!piece.empty()) {
            add(kind::text, std::string(piece));
        }
        skip(end);
        return trims_right;
    }

    // "}}", or " -}}" with its blanks skipped.
    bool at_close(bool& trims) {
        const auto first = std::min(rest_.find_first_not_of(blanks), rest_.size());
        trims = first > 0 && rest_.substr(first).starts_with("-}}");
        return trims || rest_.starts_with("}}");
    }

    void close(bool trims) {
        if (trims) {
            skip(rest_.find("-}}") + 3);
        } else {
            skip(2);
        }
    }

    // True when its right marker trims.
    bool action() {
        const bool left_trim = rest_.size() > 3 && rest_[2] == '-' && is_blank(rest_[3]);
        skip(left_trim ? 4 : 2);
        bool trims = false;
        if (rest_.starts_with("/*")) {
            const auto end = rest_.find("*/");
            if (end == std::string_view::npos) {
                fail("unclosed comment");
                return false;
            }
            skip(end + 2);
            if (!at_close(trims)) {
                fail("comment ends before closing delimiter");
                return false;
            }
            close(trims);
            return trims;
        }
        add(kind::open, {});
        while (!wrong_.found() && !at_close(trims)) {
            if (rest_.empty()) {
                fail("unclosed action");
                return false;
            }
            inside();
        }
        if (wrong_.found()) {
            return false;
        }
        add(kind::close, {});
        close(trims);
        return trims;
    }

    std::string take_word() {
        const auto end = std::ranges::find_if_not(rest_, is_word);
        std::string word(rest_.begin(), end);
        rest_.remove_prefix(word.size());
        return word;
    }

    void inside() {
        const char c = rest_.front();
        if (is_blank(c)) {
            add(kind::space, {});
            skip(std::min(rest_.find_first_not_of(blanks), rest_.size()));
        } else if (c == '"' || c == '\'') {
            quoted(c);
        } else if (c == '`') {
            raw();
        } else if (c == '.' && rest_.size() > 1 && begins_word(rest_[1])) {
            rest_.remove_prefix(1);
            add(kind::field, take_word());
        } else if (c == '$') {
            rest_.remove_prefix(1);
            std::string name = "$";
            name += take_word();
            add(kind::variable, std::move(name));
        } else if (core::is_digit(c) ||
                   ((c == '+' || c == '-' || c == '.') && rest_.size() > 1 && core::is_digit(rest_[1]))) {
            number();
        } else if (begins_word(c)) {
            add(kind::word, take_word());
        } else {
            mark(c);
        }
    }

    void mark(char c) {
        if (rest_.starts_with(":=")) {
            add(kind::declare, {});
            rest_.remove_prefix(2);
            return;
        }
        constexpr std::string_view marks = "=|(),.";
        constexpr kind kinds[] = {kind::assign, kind::pipe, kind::left, kind::right, kind::comma, kind::dot};
        const auto at = marks.find(c);
        if (at == std::string_view::npos) {
            std::string reason = "unexpected character: ";
            reason += c;
            fail(std::move(reason));
            return;
        }
        add(kinds[at], {});
        rest_.remove_prefix(1);
    }

    void quoted(char quote) {
        std::size_t end = 1;
        while (end < rest_.size() && rest_[end] != quote && rest_[end] != '\n') {
            end += rest_[end] == '\\' ? 2U : 1U;
        }
        if (end >= rest_.size() || rest_[end] != quote) {
            fail(quote == '"' ? "unterminated quoted string" : "unterminated character constant");
            return;
        }
        auto text = unquoted(rest_.substr(1, end - 1));
        if (!text) {
            fail("wrong escape in a quoted text");
            return;
        }
        add(quote == '"' ? kind::string : kind::character, std::move(*text));
        rest_.remove_prefix(end + 1);
    }

    void raw() {
        const auto end = rest_.find('`', 1);
        if (end == std::string_view::npos) {
            fail("unterminated raw quoted string");
            return;
        }
        add(kind::string, std::string(rest_.substr(1, end - 1)));
        skip(end + 1);
    }

    void number() {
        std::size_t end = 1;
        while (end < rest_.size() && (is_word(rest_[end]) || rest_[end] == '.' ||
                                      ((rest_[end] == '+' || rest_[end] == '-') &&
                                       (rest_[end - 1] == 'e' || rest_[end - 1] == 'E')))) {
            ++end;
        }
        add(kind::number, std::string(rest_.substr(0, end)));
        rest_.remove_prefix(end);
    }

    std::string_view rest_;
    problem& wrong_;
    std::size_t line_ = 1;
    std::vector<token> tokens_;
};

constexpr std::size_t deepest = 100;

}  // namespace

std::vector<token> tokens_of(std::string_view source, problem& wrong) {
    return lexer(source, wrong).run();
}

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
