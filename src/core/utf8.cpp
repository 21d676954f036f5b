#include "corral/core/utf8.hpp"

#include <algorithm>
#include <array>

namespace corral::core {

namespace {

constexpr std::array<std::uint32_t, 5> smallest_of_length = {0, 0, 0x80, 0x800, 0x10000};

std::size_t length_from(unsigned char lead) noexcept {
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if ((lead & 0xF0U) == 0xE0) {
        return 3;
    }
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

}  // namespace

utf8_step next_utf8(std::string_view text) noexcept {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = length_from(lead);
    if (length == 1) {
        return {utf8_kind::whole, 1, lead};
    }
    if (length == 0) {
        return {};
    }
    std::uint32_t point = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (i == text.size()) {
            return {utf8_kind::cut_short, i, 0};
        }
        const auto byte = static_cast<unsigned char>(text[i]);
        if (!continues_character(text[i])) {
            return {utf8_kind::invalid, i, 0};
        }
        point = (point << 6U) | (byte & 0x3FU);
    }
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < smallest_of_length[length] || surrogate || point > 0x10FFFF) {
        return {utf8_kind::invalid, length, 0};
    }
    return {utf8_kind::whole, length, point};
}

std::size_t character_length(std::string_view text) noexcept {
    const utf8_step step = next_utf8(text);
    return step.kind == utf8_kind::whole ? step.length : 0;
}

std::size_t characters_of(std::string_view text) noexcept {
    return text.size() -
           static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_character));
}

std::string_view cut_between_characters(std::string_view text, std::size_t most) noexcept {
    if (text.size() > most) {
        while (most > 0 && continues_character(text[most])) {
            --most;
        }
    }
    return text.substr(0, most);
}

void append_utf8(std::string& out, std::uint32_t point) {
    const auto put = [&out](std::uint32_t byte) {
        out += static_cast<char>(static_cast<unsigned char>(byte));
    };
    const auto tail = [&put](std::uint32_t bits) { put(0x80U | (bits & 0x3FU)); };
    if (point < 0x80) {
        put(point);
    } else if (point < 0x800) {
        put(0xC0U | (point >> 6U));
        tail(point);
    } else if (point < 0x10000) {
        put(0xE0U | (point >> 12U));
        tail(point >> 6U);
        tail(point);
    } else {
        put(0xF0U | (point >> 18U));
        tail(point >> 12U);
        tail(point >> 6U);
        tail(point);
    }
}

}  // namespace corral::core
