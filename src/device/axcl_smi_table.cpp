#include "device/report_text.hpp"

#include "corral/telemetry/log.hpp"

namespace corral::device {

namespace {

constexpr std::size_t most_cards = 64;
constexpr std::size_t most_processes = 512;
constexpr std::size_t longest_word = 128;

// "193 MiB /      945 MiB"
std::optional<memory_use> usage_in(std::string_view cell) {
    const auto used = whole_number<std::uint64_t>(take_word(cell));
    const bool in_mib = core::equal_ignoring_case(take_word(cell), "MiB");
    const bool of = take_word(cell) == "/";
    const auto total = whole_number<std::uint64_t>(take_word(cell));
    if (!used || !in_mib || !of || !total || !core::equal_ignoring_case(cell, "MiB")) {
        return std::nullopt;
    }
    return believable(*used, *total);
}

// "2%"
std::optional<unsigned> percent_in(std::string_view word) {
    if (!word.ends_with('%')) {
        return std::nullopt;
    }
    word.remove_suffix(1);
    const auto value = whole_number<unsigned>(word);
    return value && *value <= 100 ? value : std::nullopt;
}

// The first word such as "37C".
std::optional<double> temperature_in(std::string_view cell) {
    while (!cell.empty()) {
        std::string_view word = take_word(cell);
        const bool below_zero = word.starts_with('-');
        if (below_zero) {
            word.remove_prefix(1);
        }
        if (!word.ends_with('C')) {
            continue;
        }
        word.remove_suffix(1);
        const auto degrees = whole_number<unsigned>(word);
        if (degrees && *degrees < 1000) {
            return below_zero ? -static_cast<double>(*degrees) : static_cast<double>(*degrees);
        }
    }
    return std::nullopt;
}

class table_reader {
public:
    std::optional<device_report> read(std::string_view text) {
        for_each_line(text, [this](std::string_view line) { take_line(line); });
        out_.lists_processes = in_processes_;
        const bool whole = titled_ && in_processes_;
        if (out_.cards.empty() && !whole) {
            return std::nullopt;
        }
        return std::move(out_);
    }

private:
    void take_line(std::string_view line) {
        const auto cells = cells_of(line);
        if (cells.empty()) {
            return;
        }
        if (cells[0].starts_with("AXCL-SMI")) {
            titled_ = true;
            out_.driver = word_after(cells[0], "Driver");
        } else if (cells[0].starts_with("Processes:")) {
            in_processes_ = true;
        } else if (in_processes_) {
            take_process(cells[0]);
        } else if (cells.size() >= 3) {
            take_card_line(cells[0], cells[1], cells[2]);
        }
    }

    void take_card_line(std::string_view what, std::string_view middle, std::string_view usage) {
        const auto index = whole_number<unsigned>(take_word(what));
        if (!index && second_line_due_) {
            std::string_view loads = middle;
            card_figures& card = out_.cards.back();
            card.temperature = temperature_in(what);
            card.cpu = percent_in(take_word(loads));
            card.npu = percent_in(take_word(loads));
            card.model_memory = usage_in(usage);
        }
        second_line_due_ = false;
        if (!index || find_card(out_, *index) != nullptr || out_.cards.size() >= most_cards) {
            return;
        }
        card_figures card;
        card.index = *index;
        card.name = telemetry::printable(take_word(what), longest_word);
        card.firmware = telemetry::printable(take_last_word(what), longest_word);
        card.memory = usage_in(usage);
        out_.cards.push_back(std::move(card));
        second_line_due_ = true;
    }

    // "0    84643  /home/axera/samples/qwen3-4b/main_axcl_aarch64      4894032 KiB"; a name may hold blanks.
    void take_process(std::string_view cell) {
        const auto card = whole_number<unsigned>(take_word(cell));
        const auto pid = whole_number<pid_t>(take_word(cell));
        const bool in_kib = core::equal_ignoring_case(take_last_word(cell), "KiB");
        const auto size = whole_number<std::uint64_t>(take_last_word(cell));
        if (card && pid && *pid > 0 && in_kib && size && out_.processes.size() < most_processes) {
            out_.processes.push_back({*card, *pid, telemetry::printable(cell, longest_word), *size});
        }
    }

    device_report out_;
    bool titled_ = false;
    bool in_processes_ = false;
    bool second_line_due_ = false;
};

}  // namespace

std::optional<device_report> parse_axcl_smi_table(std::string_view text, unsigned) {
    return table_reader().read(text);
}

}  // namespace corral::device
