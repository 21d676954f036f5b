#include "cli/chat/line_editor_policy.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/base/terminal.hpp"
#include "corral/core/utf8.hpp"

namespace corral::cli {

namespace {

constexpr std::size_t most_lines = 500;
constexpr std::size_t longest_text = 256 * 1024;

constexpr char ctrl(char letter) {
    return static_cast<char>(letter & 0x1F);
}

struct place {
    unsigned row = 0;
    unsigned column = 0;
};

// Lays text out on rows of a terminal, with breaks of its own.
class layout {
public:
    explicit layout(unsigned columns) : columns_(columns) {}

    void put(std::string_view character) {
        if (character == "\n") {
            return down();
        }
        const unsigned wide = character_width(core::next_utf8(character).point);
        if (at_.column + wide > columns_) {
            down();
        }
        out_ += character;
        at_.column += wide;
    }
    [[nodiscard]] place here() const { return at_.column < columns_ ? at_ : place{at_.row + 1, 0}; }
    // The cursor never hangs behind the last column, where terminals differ.
    std::string take() {
        if (at_.column == columns_) {
            down();
        }
        return std::move(out_);
    }

private:
    void down() {
        out_ += "\r\n";
        at_ = {at_.row + 1, 0};
    }

    unsigned columns_;
    place at_;
    std::string out_;
};

std::string up(unsigned rows) {
    return rows == 0 ? std::string() : fmt::format("\x1b[{}A", rows);
}

}  // namespace

void line_history::add(const std::string& line) {
    if (line.empty() || (!lines_.empty() && lines_.back() == line)) {
        return;
    }
    if (lines_.size() == most_lines) {
        lines_.erase(lines_.begin());
    }
    lines_.push_back(line);
}

line_editor::line_editor(std::string prompt, unsigned columns, const line_history& before)
    : prompt_(std::move(prompt)), columns_(columns), before_(before), shown_line_(before.lines().size()) {}

line_state line_editor::feed(char byte) {
    switch (phase_) {
        case phase::escape:
            phase_ = byte == '[' || byte == 'O' ? phase::sequence : phase::plain;
            return line_state::typing;
        case phase::sequence:
            if ((byte >= '0' && byte <= '9') || byte == ';') {
                constexpr std::size_t most = 8;
                parameters_ += parameters_.size() < most ? std::string(1, byte) : std::string();
                return line_state::typing;
            }
            phase_ = phase::plain;
            sequence(byte);
            return line_state::typing;
        case phase::plain:
            break;
    }
    const line_state state = plain(byte);
    if (state != line_state::typing) {
        at_ = text_.size();
        over_ = true;
        changed_ = true;
    }
    return state;
}

line_state line_editor::plain(char byte) {
    if (byte == '\x1b') {
        phase_ = phase::escape;
        parameters_.clear();
        return line_state::typing;
    }
    if (byte == '\r' || byte == '\n') {
        if (!pasting_) {
            return line_state::entered;
        }
        insert("\n");
        return line_state::typing;
    }
    switch (byte) {
        case ctrl('C'):
            return line_state::dropped;
        case ctrl('D'):
            if (text_.empty()) {
                return line_state::ended;
            }
            erase(at_, right_of(at_));
            break;
        case '\x7F':
        case ctrl('H'):
            erase(left_of(at_), at_);
            break;
        case ctrl('A'):
            at_ = 0;
            break;
        case ctrl('E'):
            at_ = text_.size();
            break;
        case ctrl('B'):
            at_ = left_of(at_);
            break;
        case ctrl('F'):
            at_ = right_of(at_);
            break;
        case ctrl('K'):
            erase(at_, text_.size());
            break;
        case ctrl('U'):
            erase(0, at_);
            break;
        case ctrl('W'):
            erase(word_before(at_), at_);
            break;
        case ctrl('P'):
            older();
            break;
        case ctrl('N'):
            newer();
            break;
        case '\t':
            insert(" ");
            break;
        default:
            letter(byte);
    }
    changed_ = true;
    return line_state::typing;
}

void line_editor::sequence(char last) {
    changed_ = true;
    if (last == '~') {
        if (parameters_ == "200" || parameters_ == "201") {
            pasting_ = parameters_ == "200";
        } else if (parameters_ == "3") {
            erase(at_, right_of(at_));
        } else if (parameters_ == "1" || parameters_ == "7") {
            at_ = 0;
        } else if (parameters_ == "4" || parameters_ == "8") {
            at_ = text_.size();
        }
        return;
    }
    switch (last) {
        case 'A':
            return older();
        case 'B':
            return newer();
        case 'C':
            at_ = right_of(at_);
            break;
        case 'D':
            at_ = left_of(at_);
            break;
        case 'H':
            at_ = 0;
            break;
        case 'F':
            at_ = text_.size();
            break;
        default:
            break;  // a key that means nothing here
    }
}

void line_editor::insert(std::string_view bytes) {
    if (text_.size() + bytes.size() <= longest_text) {
        text_.insert(at_, bytes);
        at_ += bytes.size();
        changed_ = true;
    }
}

// A byte of a character, which counts once it is whole.
void line_editor::letter(char byte) {
    unfinished_ += byte;
    const core::utf8_step step = core::next_utf8(unfinished_);
    if (step.kind == core::utf8_kind::cut_short) {
        return;
    }
    if (step.kind == core::utf8_kind::whole && core::is_printable(step.point)) {
        insert(unfinished_);
    }
    unfinished_.clear();
}

void line_editor::erase(std::size_t from, std::size_t to) {
    text_.erase(from, to - from);
    at_ = from;
}

void line_editor::replace(std::string with) {
    text_ = std::move(with);
    at_ = text_.size();
}

void line_editor::older() {
    if (shown_line_ == 0) {
        return;
    }
    if (shown_line_ == before_.lines().size()) {
        typed_ = text_;
    }
    replace(before_.lines()[--shown_line_]);
}

void line_editor::newer() {
    if (shown_line_ == before_.lines().size()) {
        return;
    }
    ++shown_line_;
    replace(shown_line_ == before_.lines().size() ? typed_ : before_.lines()[shown_line_]);
}

std::size_t line_editor::left_of(std::size_t at) const {
    while (at > 0 && core::continues_character(text_[--at])) {
    }
    return at;
}

std::size_t line_editor::right_of(std::size_t at) const {
    return at < text_.size() ? at + core::next_utf8(std::string_view(text_).substr(at)).length : at;
}

std::size_t line_editor::word_before(std::size_t at) const {
    while (at > 0 && text_[at - 1] == ' ') {
        --at;
    }
    while (at > 0 && text_[at - 1] != ' ') {
        --at;
    }
    return at;
}

std::string line_editor::redraw() {
    if (!std::exchange(changed_, false)) {
        return {};
    }
    layout rows(columns_);
    for (const char letter : prompt_) {
        rows.put(std::string_view(&letter, 1));
    }
    place cursor = rows.here();
    for (std::size_t i = 0; i < text_.size();) {
        const std::size_t next = right_of(i);
        rows.put(std::string_view(text_).substr(i, next - i));
        i = next;
        cursor = i == at_ ? rows.here() : cursor;
    }
    const place end = rows.here();
    std::string out = up(std::exchange(drawn_row_, cursor.row)) + "\r\x1b[J" + rows.take();
    if (over_) {
        return out + "\r\n";
    }
    out += up(end.row - cursor.row) + "\r";
    return cursor.column == 0 ? out : out + fmt::format("\x1b[{}C", cursor.column);
}

}  // namespace corral::cli
