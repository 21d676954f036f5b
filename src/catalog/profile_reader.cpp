#include "corral/catalog/profile_reader.hpp"

#include <set>
#include <utility>

#include "catalog/profile_parts.hpp"
#include "corral/catalog/placeholders.hpp"
#include "corral/core/say.hpp"

namespace corral::catalog {

namespace {

using core::milliseconds;
using core::seconds;
using std::chrono::hours;

// Names first, because a service may refer to one that comes later.
void read_names(std::vector<section>& from, profile& into) {
    std::set<std::string> seen;
    for (auto& one : from) {
        service_template service;
        service.working_directory = "{package}";
        service.url = "http://127.0.0.1:{port}";
        one.text("name", service.name, true);
        if (!service.name.empty() && !placeholders_in("{" + service.name + "}")) {
            one.complain(one.place("name"), core::say("configuration.bad-form/name"));
        } else if (!seen.insert(service.name).second) {
            one.complain(one.place("name"), core::say("configuration.twice/service", service.name));
        }
        into.services.push_back(std::move(service));
    }
    for (std::size_t i = 0; i < from.size(); ++i) {
        read_service_names(from[i], into.services[i], seen);
    }
}

void read_services(section& table, profile& into) {
    auto sections = table.tables("services");
    bool remote = false;
    table.flag("remote", remote);
    if (sections.empty() && !remote) {
        table.complain(table.place("services"), core::say("configuration.profile-services/profile"));
    } else if (!sections.empty() && remote) {
        table.complain(table.place("remote"), core::say("configuration.profile-services/remote"));
    }
    read_names(sections, into);
    read_variables(table, into);
    service_reading how;
    how.known = built_in_placeholders(into);
    for (const auto& variable : into.variables) {
        how.known.push_back(variable.name);
    }
    for (std::size_t i = 0; i < sections.size(); ++i) {
        auto& service = into.services[i];
        for (const std::string_view key : {"command", "stop_loading", "stop_ready"}) {
            if (!sections[i].has(key)) {
                sections[i].complain(sections[i].place(),
                                     core::say("configuration.missing-key/missing", key));
            }
        }
        read_service(sections[i], service, how);
        how.before.push_back(service.name);
    }
}

profile_reading read_tree(const toml::table& tree, issue_list& issues) {
    profile_reading out;
    profile value;
    section root(tree, "a profile", issues);
    root.text("name", value.name, true);
    root.text("dialect", value.dialect, true);
    root.flag("tokenizer_tap", value.tokenizer_tap);
    root.duration("poll_interval", value.poll_interval, milliseconds{10}, seconds{10});
    if (auto traits = root.table("traits")) {
        read_traits(*traits, value.traits);
    }
    read_services(root, value);
    read_runtime_files(root, value);
    if (auto clocks = root.table("clocks")) {
        read_clocks(*clocks, value.clocks);
    }
    if (auto restart = root.table("restart")) {
        read_restart(*restart, value.restart);
    }
    if (auto limits = root.table("limits")) {
        read_model_limits(*limits, value.limits);
    }
    if (auto device = root.table("device")) {
        read_device(*device, value.device);
    }
    root.finish();
    if (issues.empty()) {
        out.value = std::move(value);
    }
    out.errors = issues.take();
    return out;
}

}  // namespace

void read_clocks(section table, engine_clocks& into) {
    table.duration("call", into.call, milliseconds{100}, hours{1});
    table.duration("reset", into.reset, milliseconds{100}, hours{1});
    table.duration("prefill_base", into.prefill_base, milliseconds{100}, hours{6});
    table.duration("prefill_per_token", into.prefill_per_token, milliseconds{0}, seconds{60});
    table.duration("decode_stall", into.decode_stall, milliseconds{100}, hours{6});
    table.duration("idle_grace", into.idle_grace, milliseconds{10}, seconds{60});
    table.duration("renew_after", into.renew_after, milliseconds{100}, hours{24});
    table.duration("compare_after", into.compare_after, milliseconds{10}, seconds{3600});
    table.duration("scrub", into.scrub, milliseconds{100}, hours{1});
    read_bounds(table, "call", into.call, into.call_bounds);
    read_bounds(table, "reset", into.reset, into.reset_bounds);
    read_bounds(table, "prefill", into.prefill_base, into.prefill_bounds);
    read_bounds(table, "decode_stall", into.decode_stall, into.decode_bounds);
    table.finish();
}

void read_restart(section table, restart_rule& into) {
    table.duration("first_backoff", into.first_backoff, milliseconds{10}, hours{1});
    table.duration("max_backoff", into.max_backoff, milliseconds{10}, hours{24});
    table.integer("intensity", into.intensity, 1, 1000);
    table.duration("intensity_window", into.intensity_window, seconds{1}, hours{24});
    table.duration("healthy_after", into.healthy_after, milliseconds{100}, hours{24});
    table.duration("breaker_retry", into.breaker_retry, milliseconds{100}, hours{24});
    table.finish();
    if (into.max_backoff < into.first_backoff) {
        table.complain(table.place("max_backoff"), core::say("configuration.out-of-range/max"));
    }
}

void read_model_limits(section table, model_limits& into) {
    constexpr std::int64_t most_memory = 16 * 1024 * 1024;
    constexpr std::int64_t most_tasks = 4 * 1024 * 1024;  // of the kernel, PID_MAX_LIMIT
    table.integer("memory_mb", into.memory_mb, 0, most_memory);
    if (into.memory_mb != 0 && into.memory_mb < 16) {
        table.complain(table.place("memory_mb"), core::say("configuration.out-of-range/memory"));
    }
    table.integer("tasks", into.tasks, 0, most_tasks);
    if (into.tasks != 0 && into.tasks < 16) {
        table.complain(table.place("tasks"), core::say("configuration.out-of-range/tasks"));
    }
    table.finish();
}

profile_reading parse_profile(std::string_view text, const std::string& name) {
    issue_list issues(name);
    if (const auto tree = parse_toml_text(text, issues)) {
        return read_tree(*tree, issues);
    }
    return {std::nullopt, issues.take()};
}

profile_reading read_profile(const std::filesystem::path& file) {
    issue_list issues(file.string());
    if (const auto tree = parse_toml_file(file, issues)) {
        return read_tree(*tree, issues);
    }
    return {std::nullopt, issues.take()};
}

}  // namespace corral::catalog
