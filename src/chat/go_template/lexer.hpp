#pragma once
// A template's source as tokens, with trim markers and comments done.

#include <string>
#include <string_view>
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

}  // namespace corral::chat::go_template
