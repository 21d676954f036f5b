#pragma once
// What the place where a command prints can show.

#include <map>
#include <string>
#include <string_view>

namespace corral::cli {

struct text_style {
    bool colour = false;
    bool live = false;      // a terminal on which lines can be drawn again
    unsigned columns = 80;  // its width, at least 20
};

// Plain for files and pipes, on a terminal that says TERM=dumb, and without colours where NO_COLOR is set to
// anything (no-color.org).
[[nodiscard]] text_style style_of(int descriptor, const std::map<std::string, std::string>& environment);

enum class colour { red, green, yellow, blue, magenta, cyan, bold, faint };

// `text` in that colour, as it is where there are none.
[[nodiscard]] std::string painted(std::string_view text, colour in, const text_style& style);

// How many columns of a terminal a line takes; colours take none.
[[nodiscard]] unsigned columns_of(std::string_view text);

// Each line of `text` cut to `columns`; colours don't count, and end with their line.
[[nodiscard]] std::string cut_to(std::string_view text, unsigned columns);

// On a terminal: each line that is wider than it goes on below, a little further in, and is broken between words only.
// A word that is wider than the terminal stays whole.
[[nodiscard]] std::string wrapped(std::string_view text, const text_style& style);

// As it is, past the stream that makes control characters visible: for what moves the cursor itself.
void write_raw(int descriptor, std::string_view text);

// Asks for consent; anything but yes is no.
[[nodiscard]] bool is_agreed(const char* question);

// A few lines at the end of what is printed that are drawn again and again. Prints nothing where lines can't
// be drawn again.
class live_lines {
public:
    live_lines(int descriptor, text_style style) : descriptor_(descriptor), style_(style) {}
    live_lines(const live_lines&) = delete;
    live_lines& operator=(const live_lines&) = delete;
    ~live_lines() = default;
    // `text`, whole lines, in place of what was drawn before.
    void draw(std::string_view text);
    void clear() { draw({}); }

private:
    int descriptor_;
    text_style style_;
    unsigned drawn_ = 0;  // lines
};

}  // namespace corral::cli
