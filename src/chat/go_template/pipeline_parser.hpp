#pragma once
// The inside of an action: pipelines, their variables and constants. Names are checked here, as in Go.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "chat/go_template/syntax.hpp"
#include "chat/go_template/tokens.hpp"

namespace corral::chat::go_template {

class pipeline_parser {
public:
    explicit pipeline_parser(token_cursor& at) : at_(at) {}

    // Up to the end of the action or the parenthesis, which is not consumed. `action` is its name in messages;
    // a range may set two variables.
    [[nodiscard]] pipeline parse(const std::string& action, bool in_range = false);

    // Variables that are declared and in scope, "$" first.
    std::vector<std::string> variables{"$"};
    std::set<std::string> fields;  // every named field
    bool named_response = false;   // ".Response" was among them, not in a chain

private:
    void assignment(bool in_range, pipeline& target);
    void known(const std::string& name);
    operand term();
    void word(const std::string& text, operand& target);
    void group(operand& target);
    void chain(operand& target);
    value constant(const token& from);
    value number(std::string_view text);

    token_cursor& at_;
};

}  // namespace corral::chat::go_template
