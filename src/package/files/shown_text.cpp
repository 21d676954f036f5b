#include <algorithm>
#include <cstdint>

#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::package {

namespace {

constexpr std::string_view digits = "0123456789ABCDEF";

std::string escaped(unsigned char byte) {
    return {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
}

bool begins_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80;
}

// Both ends of `text`; cut between characters.
std::string shortened(const std::string& text, std::size_t most) {
    constexpr std::string_view gap = "...";
    const std::size_t kept = (most - std::min(most, gap.size())) / 2;
    std::size_t left = kept;
    while (left > 0 && !begins_character(text[left])) {
        --left;
    }
    std::size_t right = text.size() - kept;
    while (right < text.size() && !begins_character(text[right])) {
        ++right;
    }
    return text.substr(0, left) + std::string(gap) + text.substr(right);
}

}  // namespace

std::string shown(std::string_view text, std::size_t most) {
    // More can't be shown anyway.
    constexpr std::size_t looked_at = 16 * 1024;
    std::string out;
    std::string_view rest = text.substr(0, looked_at);
    while (!rest.empty()) {
        const core::utf8_step step = core::next_utf8(rest);
        const bool as_is = step.kind == core::utf8_kind::whole && core::is_printable(step.point);
        const std::size_t length = as_is ? step.length : 1;
        out +=
            as_is ? std::string(rest.substr(0, length)) : escaped(static_cast<unsigned char>(rest.front()));
        rest.remove_prefix(length);
    }
    return out.size() > most ? shortened(out, most) : out;
}

std::string shell_word(std::string_view word) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char letter) {
        return core::is_digit(letter) || core::is_letter(letter) ||
               std::string_view("_./:=@%+,-").find(letter) != std::string_view::npos;
    });
    if (plain) {
        return std::string(word);
    }
    std::string out = "'";
    for (const char letter : word) {
        out += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    }
    out += '\'';
    return out;
}

}  // namespace corral::package
