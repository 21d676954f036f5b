#pragma once
// A place in the tokens of a template, and the first thing found wrong with them.

#include <string>
#include <utility>
#include <vector>

#include "chat/go_template/lexer.hpp"

namespace corral::chat::go_template {

class token_cursor {
public:
    using kind = token::kind;

    token_cursor(std::vector<token> tokens, problem& wrong) : tokens_(std::move(tokens)), wrong_(wrong) {}

    [[nodiscard]] const token& next() const { return tokens_[at_]; }
    [[nodiscard]] bool failed() const { return wrong_.found(); }
    // Only the first failure counts; after it the next token is the end, for good.
    void fail(std::string reason);
    // The next token, behind which the cursor then stands; the end is never passed.
    const token& taken();
    // Whether it was the next, which is then behind.
    bool take(token::kind what);
    void spaces();
    // The word that an action at this place begins with; empty when there is none.
    [[nodiscard]] std::string next_word() const;
    void skip_word();
    // The end of an action. `of` names it for people.
    void need_close(const std::string& of);
    // One level down, which must be left with shallower(); false beyond what is allowed.
    bool deeper();
    void shallower() { --depth_; }
    [[nodiscard]] std::size_t depth() const { return depth_; }

    // To go back there when what follows turns out to be something else.
    [[nodiscard]] std::size_t place() const { return at_; }
    void back_to(std::size_t place) { at_ = place; }

private:
    std::vector<token> tokens_;
    problem& wrong_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
};

}  // namespace corral::chat::go_template
