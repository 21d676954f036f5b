#pragma once

#include <optional>
#include <string>
#include <vector>

// The accelerator that simulated runtimes and axcl-smi share: a file of settings, which the person at the
// drill writes, and beside it two lists that the programs keep: who holds memory (`<file>.held`) and who
// keeps the compute busy (`<file>.busy`).
namespace corral::sim {

struct device_settings {
    int cards = 1;
    std::string name = "AX650N";
    std::string firmware = "V3.4.0";
    std::string version = "V3.4.0_20250423020139";
    std::string bus = "0000:01:00.0";
    int temperature = 37;
    int total_mib = 7040;
    int idle_mib = 18;
    int model_mib = 4779;
    int give_back_ms = 0;  // after a death without unloading; -1: never
    int delay_ms = 0;      // of one call of the tool
    std::string health;    // as npu-smi has it; empty: as that chip was seen
    std::string fault;     // of the tool and the card: hang, garbage, fail, no_card
};

// What a tool with that fault does, but for no_card: hangs for ever, prints `garbage`, or fails with `words`.
// Returns its exit status.
int obey_tool_fault(const device_settings& s, const char* garbage, const char* words);

struct memory_holding {
    int card = 0;
    int pid = 0;
    std::string name;
    long kib = 0;
};

class simulated_device {
public:
    // What CORRAL_SIM_DEVICE names; nothing without it.
    static std::optional<simulated_device> from_environment();

    // As the file says now; defaults without a file. Throws scenario_error for what it can't read.
    device_settings settings() const;
    // How many cards the driver finds now.
    int cards() const;
    // This process holds so much in all; false when there is no room.
    bool hold(int card, long kib) const;
    // An unloading gives all back at once.
    void give_back() const;
    // Of living processes, and of dead ones whose memory has not come back yet.
    std::vector<memory_holding> holdings() const;
    long used_kib(int card) const;
    // How busy this process keeps the card's compute from now on, 0 to 100; 0 takes the entry away.
    void set_busy(int card, int percent) const;
    // Of all living processes together, at most 100.
    int busy_percent(int card) const;

private:
    explicit simulated_device(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace corral::sim
