#include "cli/chat/terminal_input.hpp"

#include <cerrno>
#include <iostream>
#include <utility>

#include <termios.h>
#include <unistd.h>

namespace corral::cli {

namespace {

// While it lives the terminal is set otherwise.
class terminal_mode {
public:
    template <class Change>
    explicit terminal_mode(const Change& change) {
        changed_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (changed_) {
            termios now = before_;
            change(now);
            changed_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now) == 0;
        }
    }
    terminal_mode(const terminal_mode&) = delete;
    terminal_mode& operator=(const terminal_mode&) = delete;
    ~terminal_mode() {
        if (changed_) {
            ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
        }
    }
    [[nodiscard]] bool changed() const { return changed_; }

private:
    termios before_{};
    bool changed_ = false;
};

void key_by_key(termios& mode) {
    mode.c_iflag &= ~static_cast<tcflag_t>(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
    mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN | ISIG);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
}

// A serial console or a bare ssh often comes up without knowing that it speaks UTF-8, and erases bytes of letters.
void whole_letters(termios& mode) {
    mode.c_iflag |= IUTF8;
}

// Asks the terminal to mark what is pasted, so that its line ends are none of the person's.
class pasting {
public:
    pasting() { write_raw(STDOUT_FILENO, "\x1b[?2004h"); }
    pasting(const pasting&) = delete;
    pasting& operator=(const pasting&) = delete;
    ~pasting() { end(); }
    void end() {
        if (std::exchange(marked_, false)) {
            write_raw(STDOUT_FILENO, "\x1b[?2004l");
        }
    }

private:
    bool marked_ = true;
};

}  // namespace

terminal_input::line terminal_input::read_plain(const std::string& prompt) {
    line out;
    std::cout << prompt << std::flush;
    if (std::getline(std::cin, out.text)) {
        out.state = line_state::entered;
    }
    return out;
}

terminal_input::line terminal_input::read(const std::string& prompt) {
    const bool live = style_.live && ::isatty(STDIN_FILENO) == 1;
    const terminal_mode keys([live](termios& mode) {
        whole_letters(mode);
        if (live) {
            key_by_key(mode);
        }
    });
    if (!live || !keys.changed()) {
        return read_plain(prompt);
    }
    std::cout << std::flush;
    pasting marked;
    // The window may have another width by now.
    line_editor editor(prompt, style_of(STDOUT_FILENO, {{"TERM", "xterm"}}).columns, history_);
    for (;;) {
        for (std::size_t i = 0; i < ahead_.size(); ++i) {
            const line_state state = editor.feed(ahead_[i]);
            if (state != line_state::typing) {
                ahead_.erase(0, i + 1);
                marked.end();
                write_raw(STDOUT_FILENO, editor.redraw());
                return {state, editor.text()};
            }
        }
        write_raw(STDOUT_FILENO, editor.redraw());
        char piece[1024];
        ssize_t got = -1;
        do {
            got = ::read(STDIN_FILENO, piece, sizeof piece);
        } while (got < 0 && errno == EINTR);
        ahead_.assign(piece, got > 0 ? static_cast<std::size_t>(got) : 0);
        if (got <= 0) {
            return {};
        }
    }
}

}  // namespace corral::cli
