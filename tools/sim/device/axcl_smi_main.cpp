// The vendor's status tool for PCIe cards (docs/facts/vendor_ax.md#device-tools).

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "device/simulated_device.hpp"
#include "process_end.hpp"
#include "programs.hpp"

namespace corral::sim {
namespace {

constexpr int inner_width = 96;
constexpr long kib_in_mib = 1024;
constexpr int card_ram_mib = 945;
constexpr int card_ram_used_mib = 153;

std::string padded(const std::string& left, const std::string& right, std::size_t width) {
    const auto used = left.size() + right.size();
    return left + std::string(used < width ? width - used : 1, ' ') + right;
}

void print_frame() {
    std::printf("+%s+\n", std::string(inner_width, '-').c_str());
}

void print_card(const simulated_device& device, const device_settings& s, int card) {
    std::printf("|%5d  %s | %s |%19d MiB / %8d MiB |\n", card, padded(s.name, s.firmware, 33).c_str(),
                s.bus.c_str(), card_ram_used_mib, card_ram_mib);
    std::printf("|   --%5dC                      -- / -- | %-6s%6s |%19ld MiB / %8d MiB |\n", s.temperature,
                "2%", (std::to_string(device.busy_percent(card)) + "%").c_str(),
                device.used_kib(card) / kib_in_mib, s.total_mib);
}

void print_table(const simulated_device& device, const device_settings& s) {
    const auto held = device.holdings();
    print_frame();
    std::printf("| %s |\n",
                padded("AXCL-SMI  " + s.version, "Driver  " + s.version, inner_width - 2).c_str());
    std::fputs(
        "+-----------------------------------------+--------------+---------------------------------------+\n"
        "| Card  Name                     Firmware | Bus-Id       |                          Memory-Usage |\n"
        "| Fan   Temp                Pwr:Usage/Cap | CPU      NPU |                             CMM-Usage |\n"
        "|=========================================+==============+=======================================|"
        "\n",
        stdout);
    for (int card = 0; card < device.cards(); ++card) print_card(device, s, card);
    std::fputs(
        "+-----------------------------------------+--------------+---------------------------------------+"
        "\n\n",
        stdout);
    print_frame();
    std::printf("| %s |\n", padded("Processes:", "", inner_width - 2).c_str());
    std::printf("| %s |\n",
                padded("Card      PID  Process Name", "NPU Memory Usage", inner_width - 2).c_str());
    std::printf("|%s|\n", std::string(inner_width, '=').c_str());
    for (const auto& one : held)
        if (one.card < device.cards())
            std::printf("|%5d%9d  %s |\n", one.card, one.pid,
                        padded(one.name, std::to_string(one.kib) + " KiB", 79).c_str());
    print_frame();
}

int bus_number(const std::string& bus) {
    const auto colon = bus.find(':');
    return colon == std::string::npos ? 0
                                      : static_cast<int>(std::strtol(bus.c_str() + colon + 1, nullptr, 16));
}

void print_cmm(const simulated_device& device, const device_settings& s, int card) {
    const long total = s.total_mib * kib_in_mib;
    const long used = device.used_kib(card);
    const int bus = bus_number(s.bus) + card;
    std::printf("Device ID           : %d (0x%x)\n", bus, static_cast<unsigned>(bus));
    std::printf(
        "CMM Total           :%9ld KiB\nCMM Used            :%9ld KiB\nCMM Remain          :%9ld kiB\n",
        total, used, total - used);
}

void print_cmm_info(const simulated_device& device, const device_settings& s, int card) {
    const long total = s.total_mib * kib_in_mib;
    const long used = device.used_kib(card);
    const long left = total - used;
    std::printf(
        " total size=%ldKB(%ldMB),used=%ldKB(%ldMB + %ldKB),remain=%ldKB(%ldMB + %ldKB),partition_number=1,"
        "block_number=23\n",
        total, total / kib_in_mib, used, used / kib_in_mib, used % kib_in_mib, left, left / kib_in_mib,
        left % kib_in_mib);
}

// What the card's own shell says; the words of `sh` without -d N.
int run_shell(const simulated_device& device, const device_settings& s, int card,
              const std::vector<std::string>& words) {
    if (words.size() == 2 && words[0] == "cat" && words[1] == "/proc/ax_proc/mem_cmm_info") {
        print_cmm_info(device, s, card);
        return 0;
    }
    std::fputs("sh: not found\n", stderr);
    return 127;
}

}  // namespace

int run_axcl_smi(std::vector<std::string> args) {
    const auto device = simulated_device::from_environment();
    if (!device) {
        std::fputs("corral-sim axcl-smi: CORRAL_SIM_DEVICE must name the file of the simulated device\n",
                   stderr);
        return 2;
    }
    const auto s = device->settings();
    std::this_thread::sleep_for(std::chrono::milliseconds(s.delay_ms));
    if (!s.fault.empty() && s.fault != "no_card")
        return obey_tool_fault(s, "| Card \x01 AXCL-SMI |||| 0 0 % MiB / MiB", "axcl-smi: open device fail");
    int card = 0;
    bool one_card = false;
    const auto named = std::find_if(args.begin(), args.end(),
                                    [](const auto& word) { return word == "-d" || word == "--device"; });
    if (named != args.end() && named + 1 != args.end()) {
        card = std::atoi((named + 1)->c_str());
        args.erase(named, named + 2);
        one_card = true;
        if (card < 0 || card >= device->cards()) {
            std::fprintf(stderr, "axcl-smi: there is no device %d\n", card);
            return 1;
        }
    }
    const std::string command = args.empty() ? "" : args[0];
    const std::string what = args.size() < 2 ? "" : args[1];
    if (command.empty()) {
        print_table(*device, s);
    } else if (command == "-v") {
        std::printf("AXCL-SMI %s BUILD: Feb 13 2025 11:08:47\n", s.firmware.c_str());
    } else if (command == "info" && what == "--cmm") {
        for (int one = card; one < (one_card ? card + 1 : device->cards()); ++one) print_cmm(*device, s, one);
    } else if (command == "info" && what == "--temp") {
        std::printf("temperature: %d\n", s.temperature * 1000);
    } else if (command == "sh") {
        return run_shell(*device, s, card, {args.begin() + 1, args.end()});
    } else {
        std::fputs("usage: axcl-smi [-v] [-d N] [info --cmm|--temp] [sh CMD...]\n", stderr);
        return command == "-h" ? 0 : 1;
    }
    return 0;
}

}  // namespace corral::sim
