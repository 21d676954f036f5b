#include "device/cmm_reports.hpp"

#include <string>

#include "device/report_text.hpp"

namespace corral::device {

namespace {

constexpr std::size_t most_lines = 4096;
constexpr std::size_t most_cards = 64;
constexpr std::uint64_t kib_in_mib = 1024;

// "  3145728 KiB", whatever the case of the unit.
std::optional<std::uint64_t> kib_in(std::string_view value) {
    const auto number = whole_number<std::uint64_t>(take_word(value));
    return number && core::equal_ignoring_case(value, "KiB") ? number : std::nullopt;
}

// The number right behind `key`, such as "used=" in "used=18876KB(18MB + 444KB)".
std::optional<std::uint64_t> kb_behind(std::string_view line, std::string_view key) {
    const auto at = line.find(key);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    line.remove_prefix(at + key.size());
    const auto number = take_number(line);
    return number && line.starts_with("KB") ? number : std::nullopt;
}

struct cmm_block {
    std::optional<std::uint64_t> used;
    std::optional<std::uint64_t> total;
};

void finish(cmm_block& block, unsigned first, device_report& into) {
    const auto memory = block.used && block.total
                            ? believable(*block.used / kib_in_mib, *block.total / kib_in_mib)
                            : std::nullopt;
    if (memory && into.cards.size() < most_cards) {
        card_figures card;
        card.index = first + static_cast<unsigned>(into.cards.size());
        card.model_memory = memory;
        into.cards.push_back(std::move(card));
    }
    block = {};
}

}  // namespace

std::optional<device_report> parse_axcl_smi_cmm(std::string_view text, unsigned card) {
    device_report out;
    cmm_block block;
    for (std::size_t line = 0; line < most_lines && !text.empty(); ++line) {
        std::string_view value = take_until(text, '\n');
        const std::string_view key = trimmed(take_until(value, ':'));
        if (core::equal_ignoring_case(key, "Device ID")) {
            finish(block, card, out);
        } else if (core::equal_ignoring_case(key, "CMM Total")) {
            block.total = kib_in(value);
        } else if (core::equal_ignoring_case(key, "CMM Used")) {
            block.used = kib_in(value);
        }
    }
    finish(block, card, out);
    return out.cards.empty() ? std::nullopt : std::optional(std::move(out));
}

std::optional<device_report> parse_mem_cmm_info(std::string_view text, unsigned card) {
    for (std::size_t line = 0; line < most_lines && !text.empty(); ++line) {
        const std::string_view summary = take_until(text, '\n');
        cmm_block block{kb_behind(summary, "used="), kb_behind(summary, "total size=")};
        device_report out;
        finish(block, card, out);
        if (!out.cards.empty()) {
            return out;
        }
    }
    return std::nullopt;
}

}  // namespace corral::device
