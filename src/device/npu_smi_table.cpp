#include "device/report_text.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "corral/telemetry/log.hpp"

namespace corral::device {

namespace {

constexpr std::size_t most_cards = 64;
constexpr std::size_t most_processes = 512;
constexpr unsigned most_number = 1024;
constexpr std::size_t most_pairs = 8;
constexpr std::size_t longest_word = 128;
constexpr std::uint64_t kib_in_mb = 1024;

bool has_letter(std::string_view word) {
    return std::ranges::any_of(word, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
}

// "92.2"; nothing behind it.
std::optional<double> decimal(std::string_view word) {
    std::string_view rest = word;
    const auto whole = take_number(rest);
    if (!whole || *whole > 10'000) {
        return std::nullopt;
    }
    double value = static_cast<double>(*whole);
    if (rest.starts_with('.')) {
        rest.remove_prefix(1);
        const std::size_t digits = rest.size();
        const auto part = take_number(rest);
        if (!part || digits > 6) {
            return std::nullopt;
        }
        double scale = 1;
        for (std::size_t i = 0; i < digits; ++i) {
            scale *= 10;
        }
        value += static_cast<double>(*part) / scale;
    }
    return rest.empty() ? std::optional(value) : std::nullopt;
}

struct load {
    unsigned mean = 0;
    std::optional<unsigned> most;
};

// "0", or a span such as "0-78" in copies that stand for a while. Above 0 where any of it is.
std::optional<load> load_in(std::string_view word) {
    if (word.ends_with('%')) {
        word.remove_suffix(1);
    }
    std::string_view rest = word;
    const auto low = take_number(rest);
    if (!low || *low > 100) {
        return std::nullopt;
    }
    if (rest.empty()) {
        return load{static_cast<unsigned>(*low), std::nullopt};
    }
    rest.remove_prefix(1);
    const auto high = whole_number<std::uint64_t>(rest);
    if (word[word.size() - rest.size() - 1] != '-' || !high || *high > 100 || *high < *low) {
        return std::nullopt;
    }
    return load{static_cast<unsigned>((*low + *high + 1) / 2), static_cast<unsigned>(*high)};
}

// The pairs "3628 / 15609" in a cell; blanks around the slash may be missing.
std::vector<memory_use> pairs_in(std::string_view cell) {
    std::vector<memory_use> out;
    while (!cell.empty() && out.size() < most_pairs) {
        const auto used = take_number(cell);
        cell = trimmed(cell);
        if (!used || !cell.starts_with('/')) {
            if (!used) {
                static_cast<void>(take_word(cell));
            }
            continue;
        }
        cell = trimmed(cell.substr(1));
        const auto total = take_number(cell);
        cell = trimmed(cell);
        if (!total) {
            continue;
        }
        if (const auto pair = believable(*used, *total)) {
            out.push_back(*pair);
        } else {
            out.push_back({});
        }
    }
    return out;
}

// "Error Code : 80E3A203"
std::string_view value_of(std::string_view line, std::string_view key) {
    const std::string_view before = trimmed(take_until(line, ':'));
    return core::equal_ignoring_case(before, key) ? trimmed(line) : std::string_view();
}

class table_reader {
public:
    explicit table_reader(unsigned asked) : asked_(asked) {}

    std::optional<device_report> read(std::string_view text) {
        for_each_line(text, [this](std::string_view line) { take_line(line); });
        out_.lists_processes = in_processes_;
        if (out_.cards.empty() && !(titled_ && framed_)) {
            return std::nullopt;
        }
        return std::move(out_);
    }

private:
    void take_line(std::string_view line) {
        const auto cells = cells_of(line);
        if (cells.empty()) {
            framed_ = framed_ || (titled_ && trimmed(line).starts_with("+=="));
            take_health(line);
        } else if (cells[0].starts_with("npu-smi")) {
            titled_ = true;
            out_.driver = word_after(cells[0], "Version:");
        } else if (cells.size() >= 3 && cells[0].starts_with("NPU") && cells[2].starts_with("AICore")) {
            one_line_each_ = true;
        } else if (cells.size() >= 3 && cells[0].starts_with("Chip") && cells[1].starts_with("AICore")) {
            load_in_the_middle_ = true;
        } else if (cells.size() > 1 && core::equal_ignoring_case(cells[1], "Process id")) {
            in_processes_ = true;
            second_line_due_ = false;
        } else if (in_processes_) {
            take_process(cells);
        } else if (cells.size() >= 3) {
            take_chip_line(cells[0], cells[1], cells[2]);
        }
    }

    void take_chip_line(std::string_view what, std::string_view middle, std::string_view figures) {
        const auto number = whole_number<unsigned>(take_word(what));
        const bool named = number && *number < most_number && has_letter(what);
        if (number && !named && second_line_due_) {
            const std::string load = std::string(middle) + ' ' + std::string(figures);
            take_loads(out_.cards.back(), load_in_the_middle_ ? load : figures,
                       load_in_the_middle_ || core::equal_ignoring_case(middle, "NA"));
        }
        second_line_due_ = false;
        if (!named || out_.cards.size() >= most_cards) {
            return;
        }
        card_figures card;
        // A card with several chips has a line for each; they are counted as --devices counts.
        card.index = find_card(out_, *number) == nullptr ? *number : next_index();
        card.name = telemetry::printable(take_word(what), longest_word);
        card.health = telemetry::printable(middle, longest_word);
        if (one_line_each_) {
            take_loads(card, figures, true);
        } else {
            card.power = decimal(take_word(figures));
            card.temperature = decimal(take_word(figures));
        }
        out_.cards.push_back(std::move(card));
        second_line_due_ = !one_line_each_;
    }

    [[nodiscard]] unsigned next_index() const {
        unsigned next = 0;
        for (const card_figures& card : out_.cards) {
            next = std::max(next, card.index + 1);
        }
        return next;
    }

    // "0           0    / 0          3314 / 65536"
    static void take_loads(card_figures& card, std::string_view figures, bool on_board) {
        if (const auto now = load_in(take_word(figures))) {
            card.npu = now->mean;
            card.npu_most = now->most;
        }
        const auto pairs = pairs_in(figures);
        if (pairs.empty() || pairs.back().total == 0) {
            return;
        }
        if (on_board && pairs.size() == 1) {
            card.memory = pairs.back();
        } else {
            card.model_memory = pairs.back();
        }
    }

    // "| 0       0                 | 84643         | python3                  | 3021                    |"
    void take_process(const std::vector<std::string_view>& cells) {
        if (cells.size() < 4 || out_.processes.size() >= most_processes) {
            return;
        }
        std::string_view where = cells[0];
        const auto card = whole_number<unsigned>(take_word(where));
        const auto pid = whole_number<pid_t>(cells[1]);
        const auto megabytes = whole_number<std::uint64_t>(cells[3]);
        if (card && pid && *pid > 0 && megabytes && *megabytes < (1U << 30)) {
            out_.processes.push_back(
                {*card, *pid, telemetry::printable(cells[2], longest_word), *megabytes * kib_in_mb});
        }
    }

    // Of the card that was asked about; the answer does not name it.
    void take_health(std::string_view line) {
        const auto found = std::ranges::find(out_.cards, asked_, &card_figures::index);
        if (found == out_.cards.end()) {
            return;
        }
        if (const auto state = value_of(line, "Health Status"); !state.empty()) {
            found->health = telemetry::printable(state, longest_word);
        } else if (const auto code = value_of(line, "Error Code"); !code.empty() && code != "NA") {
            found->health_code = telemetry::printable(code, longest_word);
        }
    }

    device_report out_;
    unsigned asked_;
    bool titled_ = false;
    bool framed_ = false;
    bool in_processes_ = false;
    bool one_line_each_ = false;       // no line of power and temperature
    bool load_in_the_middle_ = false;  // where else the bus is
    bool second_line_due_ = false;
};

}  // namespace

std::optional<device_report> parse_npu_smi_table(std::string_view text, unsigned card) {
    return table_reader(card).read(text);
}

}  // namespace corral::device
