#include "cli/chat/word_wrapper.hpp"

#include <utility>

#include <fmt/format.h>

#include "cli/base/character_width.hpp"
#include "corral/core/utf8.hpp"

namespace corral::cli {

std::string word_wrapper::take(std::string_view piece) {
    const std::string all = std::exchange(unfinished_, {}) + std::string(piece);
    std::string out;
    for (std::string_view rest = all; !rest.empty();) {
        const core::utf8_step step = core::next_utf8(rest);
        if (step.kind == core::utf8_kind::cut_short) {
            unfinished_ = rest;
            break;
        }
        const std::string_view character = rest.substr(0, step.length);
        rest.remove_prefix(step.length);
        if (character == "\n") {
            out += '\n';
            used_ = word_wide_ = 0;
            word_.clear();
        } else if (character == "\t") {
            put(out, " ", 1);
        } else if (step.kind == core::utf8_kind::whole && core::is_printable(step.point)) {
            put(out, character, character_width(step.point));
        }
    }
    return out;
}

void word_wrapper::put(std::string& out, std::string_view character, unsigned wide) {
    if (character == " ") {
        word_.clear();
        word_wide_ = 0;
        if (used_ < columns_) {  // none at the end of a line
            out += ' ';
            ++used_;
        }
        return;
    }
    if (used_ + wide > columns_) {
        // A word that is as wide as the line is broken where it stands.
        const bool moved = word_wide_ > 0 && word_wide_ < used_;
        out += moved ? fmt::format("\x1b[{}D\x1b[K\n{}", word_wide_, word_) : "\n";
        used_ = moved ? word_wide_ : 0;
        if (!moved) {
            word_.clear();
            word_wide_ = 0;
        }
    }
    out += character;
    used_ += wide;
    word_ += character;
    word_wide_ += wide;
}

}  // namespace corral::cli
