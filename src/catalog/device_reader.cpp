#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/profile_reader.hpp"
#include "corral/core/say.hpp"

namespace corral::catalog {

namespace {

using core::milliseconds;
using core::seconds;

// A format that stands for looking at nothing, so that a model can switch off what its profile says.
constexpr const char* no_format = "none";
constexpr std::size_t longest_unit = 32;
constexpr std::size_t longest_node = 200;

void check_command(section& table, const std::vector<std::string>& words) {
    if (words.empty() || words.front().empty()) {
        table.complain(table.place("command"), core::say("configuration.bad-form/command"));
    }
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto names = placeholders_in(words[i]);
        if (!names) {
            table.complain(table.place("command", i), names.error().message);
        } else if (std::ranges::any_of(*names, [](const auto& name) { return name != "card"; })) {
            table.complain(table.place("command", i), core::say("configuration.not-one-of/only"));
        }
    }
}

void read_nodes(section& table, std::vector<std::string>& into) {
    table.texts("nodes", into);
    for (std::size_t i = 0; i < into.size(); ++i) {
        const std::string& node = into[i];
        const std::string folder = node.substr(0, node.rfind('/') + 1);
        const bool plain = std::ranges::all_of(node, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   std::string_view("/_-.:*?").find(c) != std::string_view::npos;
        });
        if (!plain || !node.starts_with("/dev/") || node.size() > longest_node || node.ends_with('/') ||
            node.find("..") != std::string::npos || folder.find_first_of("*?") != std::string::npos) {
            table.complain(table.place("nodes", i), core::say("configuration.bad-form/device"));
        }
    }
}

void read_meanings(section& table, const char* key, std::vector<log_meaning>& into) {
    for (auto& one : table.tables(key)) {
        log_meaning line;
        one.text("pattern", line.pattern, true);
        one.text("cause", line.cause, true);
        one.text("advice", line.advice);
        one.finish();
        into.push_back(std::move(line));
    }
}

void read_host(section table, device_host& into) {
    table.text("pci", into.pci);
    const std::size_t colon = into.pci.find(':');
    const bool numbers = into.pci.size() == 9 && colon == 4 &&
                         into.pci.find_first_not_of("0123456789abcdef:") == std::string::npos &&
                         into.pci.rfind(':') == colon;
    if (!into.pci.empty() && !numbers) {
        table.complain(table.place("pci"), core::say("configuration.bad-form/pci"));
    }
    table.text("module", into.module);
    table.text("node", into.node);
    table.text("driver_advice", into.driver_advice);
    table.text("log", into.log);
    table.text("settings", into.settings);
    table.text("dma_key", into.dma_key);
    table.integer("dma_kb", into.dma_kb, 0, 1024 * 1024);
    table.integer("dma_count", into.dma_count, 0, 64);
    table.integer("hot", into.hot, 0, 200);
    read_meanings(table, "kernel_lines", into.kernel_lines);
    read_meanings(table, "unsuitable_chips", into.unsuitable_chips);
    table.finish();
}

void read_compute(section table, compute_rule& into) {
    table.flag("watch", into.watch);
    table.duration("interval", into.interval, milliseconds{100}, seconds{60});
    table.duration("least_decode", into.least_decode, seconds{1}, seconds{60});
    table.integer("least_samples", into.least_samples, 2, 60);
    table.number("busy_cores", into.busy_cores, 0.1, 1024.0);
    table.integer("low_percent", into.low_percent, 0, 100);
    table.integer("threads", into.threads, 0, 1024);
    table.text("unit", into.unit);
    if (into.unit.empty() || into.unit.size() > longest_unit) {
        table.complain(table.place("unit"), core::say("configuration.bad-form/unit", longest_unit));
    }
    table.finish();
}

}  // namespace

void read_device(section table, device_template& into) {
    table.text("format", into.format);
    if (into.format == no_format) {
        into.format.clear();
    }
    std::vector<std::string> words = into.command;
    table.texts("command", words, true);
    if (table.has("command")) {
        check_command(table, words);
        into.command = std::move(words);
    } else if (!into.format.empty() && into.command.empty()) {
        table.complain(table.place(), core::say("configuration.missing-key/command"));
    }
    std::map<std::string, std::string> environment;
    table.text_map("environment", environment);
    for (auto& [name, value] : environment) {
        into.environment[name] = std::move(value);
    }
    table.integer("card", into.card, 0, 63);
    table.duration("timeout", into.timeout, milliseconds{100}, seconds{30});
    table.flag("optional", into.optional);
    table.integer("memory_mb", into.memory_mb, 0, 16 * 1024 * 1024);
    table.duration("memory_wait", into.memory_wait, milliseconds{0}, std::chrono::hours{1});
    table.text("advice", into.advice);
    read_nodes(table, into.nodes);
    if (auto compute = table.table("compute")) {
        read_compute(*compute, into.compute);
    }
    if (auto host = table.table("host")) {
        read_host(*host, into.host);
    }
    table.finish();
}

}  // namespace corral::catalog
