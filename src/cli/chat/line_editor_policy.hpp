#pragma once
// A line that is typed at a terminal: what each key makes of it, and what is drawn. No I/O.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace corral::cli {

enum class line_state {
    typing,
    entered,  // Enter
    dropped,  // Ctrl-C
    ended,    // Ctrl-D on an empty line
};

// Lines that were entered, the newest last. They live as long as the program: prompts are private.
class line_history {
public:
    void add(const std::string& line);
    [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

private:
    std::vector<std::string> lines_;
};

class line_editor {
public:
    // `before` outlives it; `prompt` is ASCII.
    line_editor(std::string prompt, unsigned columns, const line_history& before);

    // One byte of what was typed. Once it is no longer typing, the next byte belongs to the next line.
    line_state feed(char byte);
    // What brings the terminal up to date; "" where nothing has changed.
    [[nodiscard]] std::string redraw();
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    enum class phase { plain, escape, sequence };

    line_state plain(char byte);
    void sequence(char last);
    void insert(std::string_view bytes);
    void letter(char byte);
    void erase(std::size_t from, std::size_t to);
    void replace(std::string with);
    void older();
    void newer();
    [[nodiscard]] std::size_t left_of(std::size_t at) const;
    [[nodiscard]] std::size_t right_of(std::size_t at) const;
    [[nodiscard]] std::size_t word_before(std::size_t at) const;

    std::string prompt_;
    unsigned columns_;
    const line_history& before_;
    std::size_t shown_line_;  // of the history; its size: the line that is being typed
    std::string typed_;       // that line, while one of the history is shown
    std::string text_;
    std::size_t at_ = 0;      // the cursor, before this byte
    std::string unfinished_;  // the beginning of a character
    phase phase_ = phase::plain;
    std::string parameters_;
    bool pasting_ = false;
    bool changed_ = true;
    bool over_ = false;
    unsigned drawn_row_ = 0;  // of the cursor, below the prompt's
};

}  // namespace corral::cli
