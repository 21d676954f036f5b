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

void check_placeholders(section& from, const toml::source_region& where, const std::string& text,
                        const std::vector<std::string>& known) {
    const auto names = placeholders_in(text);
    if (!names) {
        from.complain(where, names.error().message);
        return;
    }
    for (const auto& name : *names) {
        if (std::ranges::find(known, name) != known.end()) {
            continue;
        }
        const auto meant = nearest(name, known);
        from.complain(where, core::say("configuration.not-one-of/unknown", name,
                                       (meant.empty() ? std::string() : "; did you mean {" + meant + "}?")));
    }
}

void read_command(section& from, std::string_view key, std::vector<std::string>& into,
                  const service_reading& how) {
    if (!from.has(key)) {
        return;
    }
    std::vector<std::string> words;
    from.texts(key, words, true);
    for (std::size_t i = 0; i < words.size(); ++i) {
        check_placeholders(from, from.place(key, i), words[i], how.known);
    }
    if (key == "arguments") {
        into.insert(into.end(), words.begin(), words.end());
        return;
    }
    if (words.empty() || words.front().empty()) {
        from.complain(from.place(key), core::say("configuration.bad-form/command"));
        return;
    }
    into = std::move(words);
}

void read_environment(section& from, service_template& into, const service_reading& how) {
    const auto inner = from.table("environment");
    if (!inner) {
        return;
    }
    std::map<std::string, std::string> values;
    from.text_map("environment", values);
    for (const auto& [name, value] : values) {
        if (name.empty() || name.find('=') != std::string::npos) {
            from.complain(inner->place(name), core::say("configuration.bad-form/environment", name));
        }
        check_placeholders(from, inner->place(name), value, how.known);
        into.environment[name] = value;
    }
}

void read_working_directory(section& from, service_template& into, const service_reading& how) {
    std::string text;
    from.text("working_directory", text);
    if (text.empty()) {
        return;
    }
    check_placeholders(from, from.place("working_directory"), text, how.known);
    if (text.front() == '{' || text.front() == '/') {
        into.working_directory = std::move(text);
    } else if (how.overriding) {
        into.working_directory = (how.base / text).lexically_normal().string();
    } else {
        from.complain(from.place("working_directory"), core::say("configuration.bad-form/working"));
    }
}

void read_url(section& from, service_template& into, const service_reading& how) {
    std::string text;
    from.text("url", text);
    if (text.empty()) {
        return;
    }
    check_placeholders(from, from.place("url"), text, how.known);
    const auto parsed = parse_service_url(text);
    if (!parsed.problem.empty()) {
        from.complain(from.place("url"), parsed.problem);
        return;
    }
    into.url = std::move(text);
    // A fixed port in the URL is the service's port, unless both are said.
    if (parsed.port != 0 && !from.has("port")) {
        into.port = parsed.port;
    }
}

void check_probe_url(section& from, const char* key, const probe_template& of, const service_reading& how) {
    const auto inner = from.table(key);
    if (!inner || !inner->has("url")) {
        return;
    }
    check_placeholders(from, inner->place("url"), of.url, how.known);
    if (const auto parsed = parse_service_url(of.url); !parsed.problem.empty()) {
        from.complain(inner->place("url"), parsed.problem);
    }
}

void read_probe(section& from, probe_template& into) {
    auto probe = from.table("probe");
    if (!probe) {
        return;
    }
    read_probe_keys(*probe, into);
    probe->finish();
}

void check_rendered(section& from, const std::vector<rendered_file>& files, const service_reading& how) {
    const auto sections = from.tables("rendered");
    for (std::size_t i = 0; i < std::min(files.size(), sections.size()); ++i) {
        check_placeholders(from, sections[i].place("json"), files[i].json, how.known);
    }
}

void read_guard(section& from, service_template& into, const service_reading& how) {
    constexpr std::array<std::pair<std::string_view, guard_mode>, 3> modes{
        {{"off", guard_mode::off}, {"warn", guard_mode::warn}, {"require", guard_mode::require}}};
    std::vector<std::string> words;
    std::string word;
    for (const auto& [name, mode] : modes) {
        words.emplace_back(name);
        word = mode == into.guard ? std::string(name) : word;
    }
    from.choice("guard", word, words);
    for (const auto& [name, mode] : modes) {
        into.guard = name == word ? mode : into.guard;
    }
    std::string library;
    from.text("guard_library", library);
    if (library.starts_with('/') || (how.overriding && !library.empty())) {
        into.guard_library = (how.base / library).lexically_normal();
    } else if (!library.empty()) {
        from.complain(from.place("guard_library"), core::say("configuration.bad-form/guard"));
    }
}

void read_limits(section& from, service_limits& into) {
    constexpr std::int64_t most_memory = 16 * 1024 * 1024;
    constexpr std::int64_t least_memory = 16;
    constexpr std::int64_t least_files = 16;
    from.integer("limit_memory_mb", into.memory_mb, 0, most_memory);
    if (into.memory_mb != 0 && into.memory_mb < least_memory) {
        from.complain(from.place("limit_memory_mb"), core::say("configuration.out-of-range/limit"));
    }
    from.integer("limit_files", into.files, 0, 1024 * 1024);
    if (into.files != 0 && into.files < least_files) {
        from.complain(from.place("limit_files"), core::say("configuration.out-of-range/files"));
    }
    from.integer("nice", into.nice, 0, 19);
}

void read_ladder(section& from, std::string_view key, std::vector<stop_step>& into) {
    if (!from.has(key)) {
        return;
    }
    std::vector<std::string> names;
    for (const auto& [name, number] : signal_names) {
        names.emplace_back(name);
    }
    std::vector<stop_step> steps;
    for (auto& one : from.tables(key)) {
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
        from.complain(from.place(key), core::say("configuration.bad-form/end", key));
    }
    into = std::move(steps);
}

void read_exits(section& from, std::vector<exit_meaning>& into) {
    std::set<std::pair<int, bool>> seen;
    for (auto& one : from.tables("exits")) {
        exit_meaning meaning;
        meaning.status = -1;
        one.integer("status", meaning.status, 0, 255);
        one.text("cause", meaning.cause, true);
        one.text("advice", meaning.advice);
        one.flag("at_start", meaning.at_start);
        one.finish();
        if (!one.has("status")) {
            one.complain(one.place(), core::say("configuration.missing-key/status"));
        } else if (meaning.status >= 0 && !seen.emplace(meaning.status, meaning.at_start).second) {
            one.complain(one.place("status"), core::say("configuration.twice/status", meaning.status));
        }
        into.push_back(std::move(meaning));
    }
}

void read_lines(section& from, std::vector<log_meaning>& into) {
    for (auto& one : from.tables("lines")) {
        log_meaning meaning;
        one.text("pattern", meaning.pattern, true);
        one.text("cause", meaning.cause, true);
        one.text("advice", meaning.advice);
        one.flag("fatal_at_start", meaning.fatal_at_start);
        one.flag("fails_answer", meaning.fails_answer);
        one.finish();
        into.push_back(std::move(meaning));
    }
}

}  // namespace

void read_service(section from, service_template& into, const service_reading& how) {
    read_command(from, "command", into.command, how);
    if (how.overriding) {
        read_command(from, "arguments", into.command, how);
    }
    read_environment(from, into, how);
    read_working_directory(from, into, how);
    read_url(from, into, how);
    from.integer("port", into.port, 0, 65535);
    if (!how.overriding) {
        check_rendered(from, into.rendered, how);
    }
    from.flag("pty", into.pty);
    from.flag("device", into.device);
    read_guard(from, into, how);
    read_limits(from, into.limits);
    read_probe(from, into.probe);
    check_probe_url(from, "probe", into.probe, how);
    from.duration("start_stall", into.start_stall, seconds{1}, hours{2});
    from.duration("start_limit", into.start_limit, seconds{1}, hours{24});
    read_bounds(from, "start_stall", into.start_stall, into.start_stall_bounds);
    read_bounds(from, "start_limit", into.start_limit, into.start_limit_bounds);
    read_liveness(from, into.liveness);
    check_probe_url(from, "liveness", into.liveness.probe, how);
    read_canary(from, into.canary);
    if (!how.overriding) {
        read_ladder(from, "stop_loading", into.stop_loading);
        read_ladder(from, "stop_ready", into.stop_ready);
        read_exits(from, into.exits);
        read_lines(from, into.lines);
        from.texts("routine", into.routine);
    }
    from.finish();
}

}  // namespace corral::catalog
