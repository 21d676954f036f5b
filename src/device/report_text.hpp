#pragma once
// Small steps through what a tool printed. Nothing here copies, throws or looks beyond its view.

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "corral/core/text.hpp"
#include "corral/device/report.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::device {

// Blank is what separates words in a table, whatever moved it there.
[[nodiscard]] inline bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r';
}

[[nodiscard]] inline std::string_view trimmed(std::string_view text) noexcept {
    return core::trimmed(text, " \t\r");
}

// What is before `end`, which goes with it; all when there is none.
[[nodiscard]] inline std::string_view take_until(std::string_view& text, char end) noexcept {
    const auto at = text.find(end);
    const std::string_view taken = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
    return taken;
}

[[nodiscard]] inline std::string_view take_word(std::string_view& text) noexcept {
    text = trimmed(text);
    std::size_t length = 0;
    while (length < text.size() && !is_blank(text[length])) {
        ++length;
    }
    const std::string_view word = text.substr(0, length);
    text = trimmed(text.substr(length));
    return word;
}

[[nodiscard]] inline std::string_view take_last_word(std::string_view& text) noexcept {
    text = trimmed(text);
    std::size_t begin = text.size();
    while (begin > 0 && !is_blank(text[begin - 1])) {
        --begin;
    }
    const std::string_view word = text.substr(begin);
    text = trimmed(text.substr(0, begin));
    return word;
}

// Digits and nothing else.
template <typename Number>
[[nodiscard]] std::optional<Number> whole_number(std::string_view text) noexcept {
    return text.starts_with('-') ? std::nullopt : core::whole_number<Number>(text);
}

// The digits that `text` begins with; they go.
[[nodiscard]] inline std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end == text.data()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

// "AXCL-SMI  V3.4.0  Driver  V3.4.0": the word after `label`; empty where there is none.
[[nodiscard]] inline std::string word_after(std::string_view title, std::string_view label) {
    constexpr std::size_t longest = 128;
    while (!title.empty()) {
        if (take_word(title) == label) {
            return telemetry::printable(take_word(title), longest);
        }
    }
    return {};
}

// Cells between the bars of a table's line; the lines of its frame give none. At most eight.
[[nodiscard]] inline std::vector<std::string_view> cells_of(std::string_view line) {
    constexpr std::size_t most_cells = 8;
    std::vector<std::string_view> cells;
    line = trimmed(line);
    if (!line.starts_with('|')) {
        return cells;
    }
    line.remove_prefix(1);
    while (!line.empty() && cells.size() < most_cells) {
        cells.push_back(trimmed(take_until(line, '|')));
    }
    return cells;
}

[[nodiscard]] inline std::optional<memory_use> believable(std::uint64_t used, std::uint64_t total) noexcept {
    if (total == 0 || used > total) {
        return std::nullopt;
    }
    return memory_use{used, total};
}

}  // namespace corral::device
