#include <algorithm>
#include <array>
#include <cstdint>

#include "corral/package/package_tree.hpp"

namespace corral::package {

namespace {

constexpr std::string_view digits = "0123456789ABCDEF";

std::string escaped(unsigned char byte) {
    return {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
}

std::size_t length_from(unsigned char lead) {
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if ((lead & 0xF0U) == 0xE0) {
        return 3;
    }
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

std::uint32_t point_of(std::string_view text) {
    std::uint32_t point = static_cast<unsigned char>(text.front()) & (0xFFU >> (text.size() + 1));
    for (const char byte : text.substr(1)) {
        point = (point << 6U) | (static_cast<unsigned char>(byte) & 0x3FU);
    }
    return point;
}

// C1 controls, line and paragraph separators, and what turns the direction of a line around.
bool may_be_shown(std::uint32_t point) {
    return point >= 0xA0 && !(point >= 0x200B && point <= 0x200F) && !(point >= 0x2028 && point <= 0x202E) &&
           !(point >= 0x2066 && point <= 0x2069) && !(point >= 0xD800 && point <= 0xDFFF) &&
           point != 0xFEFF && point <= 0x10FFFF;
}

// The whole character at the start of `text`, which is no ASCII; empty: it is none, or may not be shown.
std::string_view character_at(std::string_view text) {
    constexpr std::array<std::uint32_t, 5> smallest = {0, 0, 0x80, 0x800, 0x10000};
    const std::size_t length = length_from(static_cast<unsigned char>(text.front()));
    if (length == 0 || text.size() < length) {
        return {};
    }
    const std::string_view one = text.substr(0, length);
    const bool follows = std::all_of(one.begin() + 1, one.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80;
    });
    return follows && point_of(one) >= smallest[length] && may_be_shown(point_of(one)) ? one
                                                                                       : std::string_view{};
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
        const auto byte = static_cast<unsigned char>(rest.front());
        const std::string_view whole =
            byte < 0x80 ? (byte >= ' ' && byte != 0x7F ? rest.substr(0, 1) : std::string_view{})
                        : character_at(rest);
        out += whole.empty() ? escaped(byte) : std::string(whole);
        rest.remove_prefix(std::max<std::size_t>(whole.size(), 1));
    }
    return out.size() > most ? shortened(out, most) : out;
}

std::string shell_word(std::string_view word) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char letter) {
        return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
               (letter >= 'A' && letter <= 'Z') ||
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
