#include "device/report_text.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "corral/telemetry/log.hpp"

namespace corral::device {

namespace {

constexpr std::size_t most_board_lines = 512;
constexpr std::size_t most_cores = 32;
constexpr std::size_t longest_word = 64;
constexpr std::uint64_t kib_in_mib = 1024;
constexpr double millidegrees = 1000.0;

// Of thermal zones, in millidegrees; what is beyond is no temperature of a board.
constexpr std::uint64_t hottest = 200'000;

// Goes on behind `found`; false, and nothing is taken, when it is not there.
bool skip_past(std::string_view& text, std::string_view found) {
    const auto at = text.find(found);
    if (at == std::string_view::npos) {
        return false;
    }
    text.remove_prefix(at + found.size());
    return true;
}

// " 52%"
std::optional<unsigned> percent_at(std::string_view& text) {
    text = trimmed(text);
    const auto value = take_number(text);
    if (!value || *value > 100 || !text.starts_with('%')) {
        return std::nullopt;
    }
    text.remove_prefix(1);
    return static_cast<unsigned>(*value);
}

class files_reader {
public:
    std::optional<device_report> read(std::string_view text, unsigned card, bool needs_load) {
        for (std::size_t line = 0; line < most_board_lines && !text.empty(); ++line) {
            take_line(trimmed(take_until(text, '\n')));
        }
        card_figures out;
        out.index = card;
        out.temperature = temperature_;
        if (total_ && available_) {
            if (const auto use = believable(*total_ - std::min(*available_, *total_), *total_)) {
                out.memory = *use;
            }
        }
        if (!cores_.empty()) {
            const auto busiest = *std::ranges::max_element(cores_);
            unsigned sum = 0;
            for (const unsigned one : cores_) {
                sum += one;
            }
            const auto count = static_cast<unsigned>(cores_.size());
            out.npu = (sum + count - 1) / count;
            out.npu_most = busiest;
        }
        if (cores_.empty() && (needs_load || !(out.memory || out.temperature))) {
            return std::nullopt;
        }
        device_report whole;
        whole.driver = std::move(driver_);
        whole.cards.push_back(std::move(out));
        return whole;
    }

private:
    void take_line(std::string_view line) {
        if (line.starts_with("NPU load:") || line.starts_with("NPU0:")) {
            take_load(line);
        } else if (std::string_view rest = line; skip_past(rest, "RKNPU driver:")) {
            driver_ = telemetry::printable(take_word(rest), longest_word);
        } else if (line.starts_with("MemTotal:")) {
            total_ = mebibytes_in(line);
        } else if (line.starts_with("MemAvailable:")) {
            available_ = mebibytes_in(line);
        } else {
            take_figure(line);
        }
    }

    // "NPU load:  Core0: 52%, Core1:  0%, Core2:  0%,", "NPU load:  0%", "NPU0: 100%, NPU1: 3%"
    void take_load(std::string_view line) {
        std::vector<unsigned> cores;
        std::string_view rest = line;
        while (cores.size() < most_cores && skip_past(rest, ":")) {
            if (const auto percent = percent_at(rest)) {
                cores.push_back(*percent);
            }
        }
        if (!cores.empty()) {
            cores_ = std::move(cores);
        }
    }

    // "7@300000000Hz" of devfreq, which is believed where no core is named, or "47154" of a thermal zone.
    void take_figure(std::string_view line) {
        std::string_view rest = line;
        const auto value = take_number(rest);
        if (!value) {
            return;
        }
        if (rest.starts_with('@') && rest.ends_with("Hz") && *value <= 100) {
            if (cores_.empty()) {
                cores_.push_back(static_cast<unsigned>(*value));
            }
        } else if (rest.empty() && *value > 0 && *value < hottest) {
            temperature_ = std::max(temperature_.value_or(0), static_cast<double>(*value) / millidegrees);
        }
    }

    // "MemTotal:       16126060 kB"
    static std::optional<std::uint64_t> mebibytes_in(std::string_view line) {
        static_cast<void>(take_until(line, ':'));
        const auto value = whole_number<std::uint64_t>(take_word(line));
        return value && core::equal_ignoring_case(line, "kB") ? std::optional(*value / kib_in_mib)
                                                              : std::nullopt;
    }

    std::vector<unsigned> cores_;
    std::optional<double> temperature_;  // of the hottest zone
    std::optional<std::uint64_t> total_;
    std::optional<std::uint64_t> available_;
    std::string driver_;
};

constexpr std::size_t most_cards = 64;

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

std::optional<device_report> parse_rknpu_load(std::string_view text, unsigned card) {
    return files_reader().read(text, card, true);
}

std::optional<device_report> parse_board_files(std::string_view text, unsigned card) {
    return files_reader().read(text, card, false);
}

std::optional<device_report> parse_axcl_smi_cmm(std::string_view text, unsigned card) {
    device_report out;
    cmm_block block;
    for_each_line(text, [&](std::string_view value) {
        const std::string_view key = trimmed(take_until(value, ':'));
        if (core::equal_ignoring_case(key, "Device ID")) {
            finish(block, card, out);
        } else if (core::equal_ignoring_case(key, "CMM Total")) {
            block.total = kib_in(value);
        } else if (core::equal_ignoring_case(key, "CMM Used")) {
            block.used = kib_in(value);
        }
    });
    finish(block, card, out);
    return out.cards.empty() ? std::nullopt : std::optional(std::move(out));
}

std::optional<device_report> parse_mem_cmm_info(std::string_view text, unsigned card) {
    device_report out;
    for_each_line(text, [&](std::string_view summary) {
        cmm_block block{kb_behind(summary, "used="), kb_behind(summary, "total size=")};
        if (out.cards.empty()) {
            finish(block, card, out);
        }
    });
    return out.cards.empty() ? std::nullopt : std::optional(std::move(out));
}

}  // namespace corral::device
