#pragma once
// What the place where a command prints can show.

#include <array>
#include <cstdint>
#include <map>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>
#include <utility>

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

// How many columns of a terminal a character takes. The C library knows that only in a locale of UTF-8, which a serial
// console often lacks.
[[nodiscard]] constexpr unsigned character_width(std::uint32_t point) noexcept {
    using range = std::pair<std::uint32_t, std::uint32_t>;
    // Marks that stand on the character before them, joiners and variation selectors.
    constexpr std::array none{range{0x300, 0x36F},   range{0x200B, 0x200F}, range{0x20D0, 0x20FF},
                              range{0xFE00, 0xFE0F}, range{0xFE20, 0xFE2F}, range{0x1F3FB, 0x1F3FF}};
    // Hangul, kana, ideographs, full-width forms and pictures.
    constexpr std::array two{range{0x1100, 0x115F},   range{0x2E80, 0x303E},   range{0x3041, 0xA4CF},
                             range{0xAC00, 0xD7A3},   range{0xF900, 0xFAFF},   range{0xFE30, 0xFE6F},
                             range{0xFF00, 0xFF60},   range{0xFFE0, 0xFFE6},   range{0x1F300, 0x1F64F},
                             range{0x1F680, 0x1F6FF}, range{0x1F900, 0x1F9FF}, range{0x20000, 0x3FFFD}};
    for (const auto& [first, last] : none) {
        if (point >= first && point <= last) {
            return 0;
        }
    }
    for (const auto& [first, last] : two) {
        if (point >= first && point <= last) {
            return 2;
        }
    }
    return 1;
}

// The last look at what the program prints, whichever command does: see telemetry::printable_page.

// Stands before the buffer of `stream` while it lives.
class visible_stream final : public std::streambuf {
public:
    explicit visible_stream(std::ostream& stream);
    // Of prose for people: on a terminal its lines are broken between words, and begin with "error:" and the like in
    // colour. Lines go as a whole; what has no end yet goes when it is flushed.
    visible_stream(std::ostream& stream, const text_style& style);
    visible_stream(const visible_stream&) = delete;
    visible_stream& operator=(const visible_stream&) = delete;
    ~visible_stream() override;

protected:
    int_type overflow(int_type letter) override;
    std::streamsize xsputn(const char* text, std::streamsize length) override;
    int sync() override;

private:
    bool write_out(bool all);
    [[nodiscard]] std::string dressed(std::string_view text) const;

    std::ostream& stream_;
    std::streambuf* below_;
    std::string held_;
    text_style style_;
};

// Text that comes in pieces, broken between words at the width of a terminal. A word that has begun on a line and does
// not fit there is taken to the next one. No I/O.
class word_wrapper {
public:
    explicit word_wrapper(unsigned columns) : columns_(columns - 1) {}

    // What to print for it. Characters that would move or hide others are left out.
    [[nodiscard]] std::string take(std::string_view piece);

private:
    void put(std::string& out, std::string_view character, unsigned wide);

    unsigned columns_;  // the last column stays free: terminals differ in where a cursor stands behind it
    unsigned used_ = 0;
    std::string word_;
    unsigned word_wide_ = 0;
    std::string unfinished_;  // the beginning of a character
};

}  // namespace corral::cli
