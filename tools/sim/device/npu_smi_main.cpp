// Ascend's status tool, and the load file of Rockchip's NPU driver as `cat` prints it
// (docs/facts/other_runtimes.md#monitoring).

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "device/simulated_device.hpp"
#include "programs.hpp"

namespace corral::sim {
namespace {

constexpr long kib_in_mib = 1024;

struct chip {
    std::string name;
    std::string version;
    std::string health;
    bool on_board = false;  // it has no memory of its own
};

chip chip_of(const device_settings& s) {
    const device_settings untold;
    chip out{s.name == untold.name ? "310B4" : s.name, s.version == untold.version ? "23.0.0" : s.version,
             s.health};
    out.on_board = out.name.starts_with("310B");
    // The board's current sensor can't be read, and so all of it is in alarm for ever.
    if (out.health.empty()) out.health = out.on_board ? "Alarm" : "OK";
    return out;
}

void print_title(const chip& of) {
    std::puts(
        "+--------------------------------------------------------------------------------------------------"
        "------+");
    std::printf("| npu-smi %-41sVersion: %-45s|\n", of.version.c_str(), of.version.c_str());
    std::puts(
        "+-------------------------------+-----------------+------------------------------------------------"
        "------+\n"
        "| NPU     Name                  | Health          | Power(W)     Temp(C)           Hugepages-Usage("
        "page) |\n"
        "| Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)                  "
        "      |\n"
        "+===============================+=================+================================================"
        "======+");
}

void print_end() {
    std::puts(
        "+===============================+=================+================================================"
        "======+");
}

void print_chips(const simulated_device& device, const device_settings& s, const chip& of) {
    print_title(of);
    for (int card = 0; card < device.cards(); ++card) {
        const long used = device.used_kib(card) / kib_in_mib;
        const int busy = device.busy_percent(card);
        const std::string memory = std::to_string(used) + " / " + std::to_string(s.total_mib);
        if (of.on_board) {
            std::printf("| %-8d%-22s| %-16s| %-13s%-18d%-22s|\n", card, of.name.c_str(), of.health.c_str(),
                        "0.0", s.temperature, "15    / 15");
            std::printf("| %-8d%-22d| %-16s| %-13d%-40s|\n", 0, card, "NA", busy, memory.c_str());
        } else {
            std::printf("| %-6d%-20s| %-14s| %-12s%-18d%-21s|\n", card, of.name.c_str(), of.health.c_str(),
                        "92.2", s.temperature, "0    / 0");
            std::printf("| %-26d| %-14s| %-12d%-18s%-21s|\n", 0, s.bus.c_str(), busy, "0    / 0",
                        memory.c_str());
        }
        print_end();
    }
    if (of.on_board) return;
    std::puts(
        "| NPU     Chip              | Process id    | Process name             | Process memory(MB)  |");
    print_end();
    for (const auto& one : device.holdings())
        std::printf("| %-8d%-18d| %-14d| %-25s| %-20ld|\n", one.card, 0, one.pid, one.name.c_str(),
                    one.kib / kib_in_mib);
    print_end();
}

void print_health(const chip& of) {
    const bool sound = of.health == "OK";
    std::printf("        Health Status                  : %s\n", of.health.c_str());
    std::printf("        Error Code                     : %s\n", sound ? "NA" : "80E3A203");
    std::printf("        Error Information              : %s\n",
                sound ? "NA" : "node type=SoC, sensor type=Chip Hardware, event state=abnormal");
}

}  // namespace

int run_npu_smi(const std::vector<std::string>& args) {
    const auto device = simulated_device::from_environment();
    if (!device) {
        std::fputs("corral-sim npu-smi: CORRAL_SIM_DEVICE must name the file of the simulated device\n",
                   stderr);
        return 2;
    }
    const auto s = device->settings();
    std::this_thread::sleep_for(std::chrono::milliseconds(s.delay_ms));
    if (!s.fault.empty() && s.fault != "no_card")
        return obey_tool_fault(s, "| npu-smi \x01 |||| 0 0 AICore(%) / 15609",
                               "dcmi module initialize failed. ret is -8005");
    const chip of = chip_of(s);
    std::string topic;
    for (std::size_t i = 0; i + 1 < args.size(); ++i)
        if (args[i] == "-t") topic = args[i + 1];
    if (args.empty() || args[0] != "info") {
        std::fputs("usage: npu-smi info [-t health|usages -i N -c N]\n", stderr);
        return 1;
    }
    if (topic.empty()) {
        print_chips(*device, s, of);
    } else if (topic == "health") {
        print_health(of);
    } else if (topic == "usages") {
        std::printf("        Aicore Usage Rate(%%)           : %d\n", device->busy_percent(0));
    } else {
        std::fputs("This device does not support querying.\n", stderr);
        return 1;
    }
    return 0;
}

int run_rknpu_load() {
    const auto device = simulated_device::from_environment();
    if (!device) {
        std::fputs("corral-sim rknpu-load: CORRAL_SIM_DEVICE must name the file of the simulated device\n",
                   stderr);
        return 2;
    }
    const auto s = device->settings();
    if (!s.fault.empty())
        return obey_tool_fault(s, "NPU load:  Core0: %",
                               "cat: /sys/kernel/debug/rknpu/load: No such file or directory");
    // The model runs on the first core, as with rkllm's default on an idle chip.
    std::printf("NPU load:  Core0: %2d%%, Core1:  0%%, Core2:  0%%,\n", device->busy_percent(0));
    return 0;
}

}  // namespace corral::sim
