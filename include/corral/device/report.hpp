#pragma once
// What an accelerator's status tool says, and the list of the formats in which tools say it. Parsing never
// throws; its input is hostile and may be cut off anywhere.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace corral::device {

// In MiB. What a tool claims is kept only when used <= total.
struct memory_use {
    std::uint64_t used = 0;
    std::uint64_t total = 0;
    [[nodiscard]] std::uint64_t free() const noexcept { return total - used; }
};

// One accelerator. Figures that the tool does not give are absent.
struct card_figures {
    unsigned index = 0;  // counted from 0, as --devices counts
    std::string name;
    std::string firmware;
    std::optional<double> temperature;  // degrees Celsius
    std::optional<double> power;        // W
    std::optional<unsigned> cpu;        // percent
    std::optional<unsigned> npu;        // percent, the mean of its cores; above 0 when any of them works
    std::optional<unsigned> npu_most;   // percent, of the busiest core; absent: no more is known than `npu`
    std::optional<memory_use> memory;   // the card's own Linux; of a board that of the host
    std::optional<memory_use> model_memory;
    std::string health;       // in the tool's own word, "OK", "Alarm"; empty: it does not say
    std::string health_code;  // of what ails it, "80E3A203"; empty: none is given
};

// The tool finds nothing wrong with it, or says nothing of it.
[[nodiscard]] bool is_healthy(const card_figures& card);

struct device_process {
    unsigned card = 0;
    pid_t pid = 0;  // on this host, whether it still lives or not
    std::string name;
    std::uint64_t kib = 0;  // model memory
};

struct device_report {
    std::vector<card_figures> cards;  // as listed; empty: the tool works and there is no card
    std::string driver;               // its version, where the tool says it
    std::vector<device_process> processes;
    bool lists_processes = false;  // false: the format has no list of them, or it was cut off
};

[[nodiscard]] const card_figures* find_card(const device_report& in, unsigned index);

// A way of saying it. `card` is the one that was asked about, for formats that don't name it.
struct report_format {
    std::string_view name;
    std::optional<device_report> (*parse)(std::string_view text, unsigned card) = nullptr;
    bool numbers_cards = false;  // the answer says which card is which, and `card` has no effect
};

// A new one is a parser and one line in the list.
[[nodiscard]] std::span<const report_format> report_formats();
// nullptr when unknown.
[[nodiscard]] const report_format* find_report_format(std::string_view name);

// "37 C, 6348 of 7040 MB in use, health Alarm", for sentences; empty when the card gave no figures.
[[nodiscard]] std::string describe(const card_figures& card);

}  // namespace corral::device
