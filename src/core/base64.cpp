#include "corral/core/base64.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace corral::core {

namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::uint8_t no_digit = 64;

constexpr std::array<std::uint8_t, 256> values() {
    std::array<std::uint8_t, 256> out{};
    out.fill(no_digit);
    for (std::size_t i = 0; i < digits.size(); ++i) {
        out[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
    }
    return out;
}
constexpr std::array<std::uint8_t, 256> value_of = values();

constexpr std::uint8_t value(char c) {
    return value_of[static_cast<unsigned char>(c)];
}

// Walks over the text without its line breaks.
class walker {
public:
    explicit walker(std::string_view text) : text_(text) { skip(); }
    [[nodiscard]] bool over() const noexcept { return at_ == text_.size(); }
    [[nodiscard]] char now() const noexcept { return text_[at_]; }
    [[nodiscard]] std::size_t at() const noexcept { return at_; }
    void step() {
        ++at_;
        skip();
    }

private:
    void skip() {
        while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) {
            ++at_;
        }
    }
    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

std::optional<std::size_t> base64_error(std::string_view text) {
    walker walk(text);
    unsigned in_group = 0;
    while (!walk.over()) {
        if (walk.now() == '=') {
            const std::size_t first = walk.at();
            walk.step();
            if (in_group < 2) {
                return first;
            }
            if (in_group == 2) {
                if (walk.over()) {
                    return text.size();
                }
                if (walk.now() != '=') {
                    return walk.at() - 1;
                }
                walk.step();
            }
            return walk.over() ? std::nullopt : std::optional(walk.at());
        }
        if (value(walk.now()) == no_digit) {
            return walk.at();
        }
        in_group = (in_group + 1) % 4;
        walk.step();
    }
    return in_group == 0 ? std::nullopt : std::optional(text.size() - in_group);
}

std::optional<std::string> from_base64(std::string_view text) {
    if (base64_error(text)) {
        return std::nullopt;
    }
    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (walker walk(text); !walk.over() && walk.now() != '='; walk.step()) {
        bits = bits << 6U | value(walk.now());
        held += 6;
        if (held >= 8) {
            held -= 8;
            out += static_cast<char>(bits >> held & 0xFFU);
        }
    }
    return out;
}

std::string to_base64(std::string_view bytes) {
    constexpr std::size_t group = 3;
    std::string out;
    out.reserve((bytes.size() + group - 1) / group * 4);
    for (std::size_t at = 0; at < bytes.size(); at += group) {
        const std::size_t present = std::min(group, bytes.size() - at);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < group; ++i) {
            bits = bits << 8U | (i < present ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out += i <= present ? digits[bits >> (18 - 6 * i) & 0x3F] : '=';
        }
    }
    return out;
}

}  // namespace corral::core
