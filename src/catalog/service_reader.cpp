#include <algorithm>
#include <array>
#include <csignal>
#include <set>
#include <utility>

#include "catalog/profile_parts.hpp"
#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/profile_reader.hpp"
#include "corral/core/say.hpp"

namespace corral::catalog {

namespace {

using core::milliseconds;
using core::seconds;
using std::chrono::hours;

constexpr std::array<std::pair<std::string_view, int>, 7> signal_names{{{"SIGHUP", SIGHUP},
                                                                        {"SIGINT", SIGINT},
                                                                        {"SIGQUIT", SIGQUIT},
                                                                        {"SIGTERM", SIGTERM},
                                                                        {"SIGUSR1", SIGUSR1},
                                                                        {"SIGUSR2", SIGUSR2},
                                                                        {"SIGKILL", SIGKILL}}};

void check_placeholders(section& table, const toml::source_region& where, const std::string& text,
                        const std::vector<std::string>& known) {
    const auto names = placeholders_in(text);
    if (!names) {
        table.complain(where, names.error().message);
        return;
    }
    for (const auto& name : *names) {
        if (std::ranges::find(known, name) != known.end()) {
            continue;
        }
        const auto meant = nearest(name, known);
        table.complain(where, core::say("configuration.not-one-of/unknown", name,
                                        (meant.empty() ? std::string() : "; did you mean {" + meant + "}?")));
    }
}

void read_command(section& table, std::string_view key, std::vector<std::string>& into,
                  const service_reading& reading) {
    const bool adds = key == "arguments";
    std::vector<std::string> words = adds ? std::vector<std::string>() : into;
    // Asked for where it is absent too: a key with a typing error may mean it.
    table.texts(key, words, true);
    if (!table.has(key)) {
        return;
    }
    for (std::size_t i = 0; i < words.size(); ++i) {
        check_placeholders(table, table.place(key, i), words[i], reading.known);
    }
    if (adds) {
        into.insert(into.end(), words.begin(), words.end());
        return;
    }
    if (words.empty() || words.front().empty()) {
        table.complain(table.place(key), core::say("configuration.bad-form/command"));
        return;
    }
    into = std::move(words);
}

void read_environment(section& table, service_template& service, const service_reading& reading) {
    const auto inner = table.table("environment");
    if (!inner) {
        return;
    }
    std::map<std::string, std::string> values;
    table.text_map("environment", values);
    for (const auto& [name, value] : values) {
        if (name.empty() || name.find('=') != std::string::npos) {
            table.complain(inner->place(name), core::say("configuration.bad-form/environment", name));
        }
        check_placeholders(table, inner->place(name), value, reading.known);
        service.environment[name] = value;
    }
}

void read_working_directory(section& table, service_template& service, const service_reading& reading) {
    std::string text;
    table.text("working_directory", text);
    if (text.empty()) {
        return;
    }
    check_placeholders(table, table.place("working_directory"), text, reading.known);
    if (text.front() == '{' || text.front() == '/') {
        service.working_directory = std::move(text);
    } else if (reading.overriding) {
        service.working_directory = (reading.base / text).lexically_normal().string();
    } else {
        table.complain(table.place("working_directory"), core::say("configuration.bad-form/working"));
    }
}

void read_url(section& table, service_template& service, const service_reading& reading) {
    std::string text;
    table.text("url", text);
    if (text.empty()) {
        return;
    }
    check_placeholders(table, table.place("url"), text, reading.known);
    const auto parsed = parse_service_url(text);
    if (!parsed.problem.empty()) {
        table.complain(table.place("url"), parsed.problem);
        return;
    }
    service.url = std::move(text);
    // A fixed port in the URL is the service's port, unless both are said.
    if (parsed.port != 0 && !table.has("port")) {
        service.port = parsed.port;
    }
}

// A program that is not told its port has one compiled in, which only another program would have elsewhere.
void check_compiled_port(section& table, const service_template& service, std::uint16_t before) {
    const std::string number = std::to_string(service.port);
    const auto says_it = [&](const std::string& text) { return text.find(number) != std::string::npos; };
    const bool is_told =
        chooses_port(service) ||
        (service.port != 0 && (std::ranges::any_of(service.command, says_it) ||
                               std::ranges::any_of(service.environment, [&](const auto& entry) {
                                   return says_it(entry.second);
                               })));
    if (before != 0 && service.port != before && !is_told && !table.has("command")) {
        const char* const key = table.has("port") ? "port" : "url";
        table.complain(table.place(key), core::say("configuration.compiled-port", before, service.name, key));
    }
}

void check_probe_url(section& table, const char* key, const probe_template& of,
                     const service_reading& reading) {
    const auto inner = table.table(key);
    if (!inner || !inner->has("url")) {
        return;
    }
    check_placeholders(table, inner->place("url"), of.url, reading.known);
    if (const auto parsed = parse_service_url(of.url); !parsed.problem.empty()) {
        table.complain(inner->place("url"), parsed.problem);
    }
}

void read_probe(section& table, probe_template& into) {
    auto probe = table.table("probe");
    if (!probe) {
        return;
    }
    read_probe_keys(*probe, into);
    probe->finish();
}

void check_rendered(section& table, const std::vector<rendered_file>& files, const service_reading& reading) {
    const auto sections = table.tables("rendered");
    for (std::size_t i = 0; i < std::min(files.size(), sections.size()); ++i) {
        check_placeholders(table, sections[i].place("json"), files[i].json, reading.known);
    }
}

void read_guard(section& table, service_template& service, const service_reading& reading) {
    constexpr std::array<std::pair<std::string_view, guard_mode>, 3> modes{
        {{"off", guard_mode::off}, {"warn", guard_mode::warn}, {"require", guard_mode::require}}};
    std::vector<std::string> words;
    std::string word;
    for (const auto& [name, mode] : modes) {
        words.emplace_back(name);
        word = mode == service.guard ? std::string(name) : word;
    }
    table.choice("guard", word, words);
    for (const auto& [name, mode] : modes) {
        service.guard = name == word ? mode : service.guard;
    }
    std::string library;
    table.text("guard_library", library);
    if (library.starts_with('/') || (reading.overriding && !library.empty())) {
        service.guard_library = (reading.base / library).lexically_normal();
    } else if (!library.empty()) {
        table.complain(table.place("guard_library"), core::say("configuration.bad-form/guard"));
    }
}

void read_limits(section& table, service_limits& into) {
    constexpr std::int64_t most_memory = 16 * 1024 * 1024;
    constexpr std::int64_t least_memory = 16;
    constexpr std::int64_t least_files = 16;
    table.integer("limit_memory_mb", into.memory_mb, 0, most_memory);
    if (into.memory_mb != 0 && into.memory_mb < least_memory) {
        table.complain(table.place("limit_memory_mb"), core::say("configuration.out-of-range/limit"));
    }
    table.integer("limit_files", into.files, 0, 1024 * 1024);
    if (into.files != 0 && into.files < least_files) {
        table.complain(table.place("limit_files"), core::say("configuration.out-of-range/files"));
    }
    table.integer("nice", into.nice, 0, 19);
}

void read_ladder(section& table, std::string_view key, std::vector<stop_step>& into) {
    if (!table.has(key)) {
        return;
    }
    std::vector<std::string> names;
    for (const auto& [name, number] : signal_names) {
        names.emplace_back(name);
    }
    std::vector<stop_step> steps;
    for (auto& one : table.tables(key)) {
        stop_step step;
        std::string name;
        std::string target = "leader";
        one.text("signal", name, true);
        one.choice("to", target, {"leader", "group"});
        one.duration("grace", step.grace, milliseconds{0}, hours{1});
        one.finish();
        const auto found =
            std::ranges::find_if(signal_names, [&](const auto& entry) { return entry.first == name; });
        if (found != signal_names.end()) {
            step.signal = found->second;
        } else if (!name.empty()) {
            const auto meant = nearest(name, names);
            one.complain(one.place("signal"),
                         core::say("configuration.not-one-of/signal", name,
                                   (meant.empty() ? "" : "; did you mean '" + meant + "'?")));
        }
        step.target = target == "group" ? signal_target::group : signal_target::leader;
        steps.push_back(step);
    }
    if (steps.empty() || steps.back().signal != SIGKILL || steps.back().target != signal_target::group) {
        table.complain(table.place(key), core::say("configuration.bad-form/end", key));
    }
    into = std::move(steps);
}

void read_exits(section& table, std::vector<exit_meaning>& into, const service_reading& reading) {
    std::set<std::pair<int, bool>> seen;
    for (auto& one : table.tables("exits")) {
        exit_meaning meaning;
        meaning.status = -1;
        one.integer("status", meaning.status, 0, 255);
        one.text("cause", meaning.cause, true);
        one.text("advice", meaning.advice);
        one.flag("at_start", meaning.at_start);
        one.choice("blames", meaning.blames, reading.before);
        one.finish();
        if (!one.has("status")) {
            one.complain(one.place(), core::say("configuration.missing-key/status"));
        } else if (meaning.status >= 0 && !seen.emplace(meaning.status, meaning.at_start).second) {
            one.complain(one.place("status"), core::say("configuration.twice/status", meaning.status));
        }
        into.push_back(std::move(meaning));
    }
}

void read_lines(section& table, std::vector<log_meaning>& into, const service_reading& reading) {
    for (auto& one : table.tables("lines")) {
        log_meaning meaning;
        one.text("pattern", meaning.pattern, true);
        one.text("cause", meaning.cause, true);
        one.text("advice", meaning.advice);
        one.flag("fatal_at_start", meaning.fatal_at_start);
        one.flag("fails_answer", meaning.fails_answer);
        one.choice("blames", meaning.blames, reading.before);
        one.finish();
        into.push_back(std::move(meaning));
    }
}

}  // namespace

void read_service(section table, service_template& service, const service_reading& reading) {
    const std::uint16_t before = service.port;
    read_command(table, "command", service.command, reading);
    if (reading.overriding) {
        read_command(table, "arguments", service.command, reading);
    }
    read_environment(table, service, reading);
    read_working_directory(table, service, reading);
    read_url(table, service, reading);
    table.integer("port", service.port, 0, 65535);
    if (reading.overriding) {
        check_compiled_port(table, service, before);
    } else {
        check_rendered(table, service.rendered, reading);
    }
    table.flag("pty", service.pty);
    table.flag("device", service.device);
    read_guard(table, service, reading);
    read_limits(table, service.limits);
    read_probe(table, service.probe);
    check_probe_url(table, "probe", service.probe, reading);
    table.duration("start_stall", service.start_stall, seconds{1}, hours{2});
    table.duration("start_limit", service.start_limit, seconds{1}, hours{24});
    read_bounds(table, "start_stall", service.start_stall, service.start_stall_bounds);
    read_bounds(table, "start_limit", service.start_limit, service.start_limit_bounds);
    read_liveness(table, service.liveness);
    check_probe_url(table, "liveness", service.liveness.probe, reading);
    read_canary(table, service.canary);
    if (!reading.overriding) {
        read_ladder(table, "stop_loading", service.stop_loading);
        read_ladder(table, "stop_ready", service.stop_ready);
        read_exits(table, service.exits, reading);
        read_lines(table, service.lines, reading);
        table.texts("routine", service.routine);
    }
    table.finish();
}

}  // namespace corral::catalog
