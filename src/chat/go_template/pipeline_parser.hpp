#pragma once
// The inside of an action: pipelines, their variables and constants. What is named is checked here, as Go
// does.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "chat/go_template/syntax.hpp"
#include "chat/go_template/token_cursor.hpp"

namespace corral::chat::go_template {

class pipeline_parser {
public:
    explicit pipeline_parser(token_cursor& at) : at_(at) {}

    // Up to the end of the action or the parenthesis, which stays. `of` names it for people; in a range two
    // variables may be set.
    [[nodiscard]] pipeline parse(const std::string& of, bool in_range = false);

    // Variables that are declared and in scope, "$" first.
    std::vector<std::string> variables{"$"};
    std::set<std::string> fields;  // all that were named
    bool named_response = false;   // ".Response" was among them, not in a chain

private:
    void assignment(bool in_range, pipeline& to);
    void known(const std::string& name);
    operand term();
    void word(const std::string& text, operand& to);
    void group(operand& to);
    void chain(operand& to);
    value constant(const token& from);
    value number(std::string_view text);

    token_cursor& at_;
};

}  // namespace corral::chat::go_template
