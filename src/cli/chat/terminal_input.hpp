#pragma once
// Lines that a person types: with keys to edit them and to have earlier ones again on a terminal that can draw, as they
// come elsewhere.

#include <optional>
#include <string>

#include "cli/base/terminal.hpp"
#include "cli/chat/line_editor_policy.hpp"

namespace corral::cli {

class terminal_input {
public:
    explicit terminal_input(const text_style& style) : style_(style) {}

    struct line {
        line_state state = line_state::ended;
        std::string text;
    };
    // Waits for a person, for as long as that takes. Between two calls the terminal is as it was.
    [[nodiscard]] line read(const std::string& prompt);
    void remember(const std::string& text) { history_.add(text); }

private:
    line read_plain(const std::string& prompt);

    text_style style_;
    line_history history_;
    std::string ahead_;  // typed behind the end of a line
};

}  // namespace corral::cli
