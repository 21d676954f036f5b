#pragma once
// Small steps through what a tool printed, which copy nothing, don't throw and never look beyond their view; and
// the reader of each format.

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

// Gives `take` each line in turn, at most 4,096 of them: no tool has more to say.
template <typename Take>
void for_each_line(std::string_view text, Take take) {
    constexpr std::size_t most_lines = 4096;
    for (std::size_t line = 0; line < most_lines && !text.empty(); ++line) {
        take(take_until(text, '\n'));
    }
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

// The table that axcl-smi prints when it is asked nothing (docs/facts/vendor_ax.md#axcl-smi-table), two lines
// a card and a list of processes. Copies of it in the wild have lost their columns, so only bars, words and
// units count. A table without any card is believed only when it is whole: with its title and its list of processes.
[[nodiscard]] std::optional<device_report> parse_axcl_smi_table(std::string_view text, unsigned card);

// What a board's kernel says of its NPU and of itself, in files that are read one after another (`cat`): the
// load of Rockchip's NPU driver in each of its spellings, that of devfreq, memory and temperatures
// (docs/facts/other_runtimes.md#monitoring). The figures are the driver's mean since the last look. Nothing without the load of an NPU.
[[nodiscard]] std::optional<device_report> parse_rknpu_load(std::string_view text, unsigned card);
// Nothing without any figure.
[[nodiscard]] std::optional<device_report> parse_board_files(std::string_view text, unsigned card);

// The two places that tell of the model memory alone: `axcl-smi info --cmm` and the board's own
// /proc/ax_proc/mem_cmm_info (docs/facts/vendor_ax.md#axcl-smi-calls, #on-the-board). Neither names the card
// as --devices counts it: what they print as "Device ID" is a PCIe bus number.
//
// One block a card; with several the first is `card`, and so on.
[[nodiscard]] std::optional<device_report> parse_axcl_smi_cmm(std::string_view text, unsigned card);

// Its summary line: " total size=3145728KB(3072MB),used=18876KB(18MB + 444KB),remain=3126852KB(...),...".
[[nodiscard]] std::optional<device_report> parse_mem_cmm_info(std::string_view text, unsigned card);

// What Ascend's npu-smi prints (docs/facts/other_runtimes.md#monitoring): a table of chips, two lines for
// each, and behind it one of processes. Boards (310B) have one pair of memory figures, which is the host's
// own memory; cards have it beside their own, and that of the models is the last. Copies in which a chip has
// a single line are read too, and so is the answer of `npu-smi info -t health` behind the table.
[[nodiscard]] std::optional<device_report> parse_npu_smi_table(std::string_view text, unsigned card);

}  // namespace corral::device
