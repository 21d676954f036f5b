#include "corral/telemetry/system_figures.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "corral/telemetry/log.hpp"

namespace corral::telemetry {

namespace {

std::optional<std::string> text_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::array<char, 8192> text{};
    in.read(text.data(), text.size());
    const auto got = static_cast<std::size_t>(in.gcount());
    return got == 0 ? std::nullopt : std::optional<std::string>(std::in_place, text.data(), got);
}

// "MemAvailable:  123456 kB" of the lines that tell most.
nlohmann::ordered_json memory_in(const std::string& text) {
    constexpr std::array<std::string_view, 6> wanted{"MemTotal", "MemAvailable", "SwapTotal",
                                                     "SwapFree", "CmaTotal",     "CmaFree"};
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::string name = line.substr(0, line.find(':'));
        if (name.size() == line.size() || std::ranges::find(wanted, name) == wanted.end()) {
            continue;
        }
        std::istringstream rest(line.substr(name.size() + 1));
        std::uint64_t kilobytes = 0;
        if (rest >> kilobytes) {
            out[name] = kilobytes;
        }
    }
    return out;
}

}  // namespace

nlohmann::ordered_json read_system_figures() {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    if (const auto load = text_of("/proc/loadavg")) {
        out["loadavg"] = printable(load->substr(0, load->find('\n')), 100);
    }
    if (const auto uptime = text_of("/proc/uptime")) {
        out["uptime_seconds"] = printable(uptime->substr(0, uptime->find(' ')), 30);
    }
    if (const auto memory = text_of("/proc/meminfo")) {
        out["memory_kb"] = memory_in(*memory);
    }
    for (const char* what : {"cpu", "memory", "io"}) {
        if (const auto text = text_of(std::string("/proc/pressure/") + what)) {
            out["pressure"][what] = printable(text->substr(0, text->find('\n')), 120);
        }
    }
    return out;
}

}  // namespace corral::telemetry
