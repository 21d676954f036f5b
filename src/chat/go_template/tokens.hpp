#pragma once
// A template's source as tokens, with trim markers and comments done.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/go_template/syntax.hpp"

namespace corral::chat::go_template {

struct token {
    enum class kind {
        text,
        open,
        close,
        space,
        word,      // a function or a keyword
        field,     // .Name, without the dot
        dot,       //
        variable,  // with the $
        string,    // decoded
        number,    // as written
        character,
        left,
        right,
        pipe,
        declare,
        assign,
        comma,
        end,
    };
    kind what = kind::end;
    std::size_t line = 1;
    std::string text;
};

// Ends with one `end`, also after a problem.
[[nodiscard]] std::vector<token> tokens_of(std::string_view source, problem& wrong);

// A position in the tokens of a template, and the first problem found.
class token_cursor {
public:
    using kind = token::kind;

    token_cursor(std::vector<token> tokens, problem& wrong) : tokens_(std::move(tokens)), wrong_(wrong) {}

    [[nodiscard]] const token& next() const { return tokens_[at_]; }
    [[nodiscard]] bool failed() const { return wrong_.found(); }
    // Only the first failure counts; after it the next token is the end, for good.
    void fail(std::string reason);
    // Consumes the next token and returns it; never passes the end.
    const token& taken();
    // Consumes the next token if it is of that kind.
    bool take(token::kind what);
    void spaces();
    // The first word of an action at this position; empty when there is none.
    [[nodiscard]] std::string next_word() const;
    void skip_word();
    // Consumes the end of an action, whose name in messages is `action`.
    void need_close(const std::string& action);
    // One level down, to be left with shallower(); false beyond the limit.
    bool deeper();
    void shallower() { --depth_; }
    [[nodiscard]] std::size_t depth() const { return depth_; }

    // For going back after a look ahead.
    [[nodiscard]] std::size_t place() const { return at_; }
    void back_to(std::size_t place) { at_ = place; }

private:
    std::vector<token> tokens_;
    problem& wrong_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
};

}  // namespace corral::chat::go_template
