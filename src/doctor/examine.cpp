#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <string>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include "corral/catalog/placeholders.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/doctor/doctor.hpp"
#include "corral/telemetry/log.hpp"
#include "doctor/checks.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

// A port that a service gets at its start stands for itself in texts; nothing is looked for on it.
constexpr std::uint16_t chosen_later = 1;

bool is_chosen(const catalog::profile& runtime, const catalog::service_template& service) {
    return service.port == 0 || catalog::port_is_moved(runtime, service);
}

constexpr std::size_t most_findings = 500;
constexpr std::size_t longest_text = 1000;

// Names of files and what programs say of themselves are hostile.
void make_printable(catalog::finding& found) {
    for (std::string* text : {&found.id, &found.subject, &found.what, &found.why, &found.fix}) {
        *text = telemetry::printable(*text, longest_text);
    }
}

// True when one before `at` says the same: two checks, or two services, may meet the same fault.
bool is_reported(const findings& all, std::size_t at) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(at);
    return std::any_of(all.begin(), end, [&](const catalog::finding& other) {
        return other.what == all[at].what && other.subject == all[at].subject;
    });
}

// A check sees what those before it have found.
void run(const check& one, const examination& box, findings& out) {
    std::size_t at = out.size();
    try {
        one.run(box, out);
    } catch (const std::exception& error) {
        out.push_back(catalog::finding_of(catalog::severity::warning,
                                          core::say("doctor.check-failed", one.id, error.what()), {}, "",
                                          core::say("doctor.check-failed/look")));
    }
    while (at < out.size()) {
        make_printable(out[at]);
        if (is_reported(out, at)) {
            out.erase(out.begin() + static_cast<std::ptrdiff_t>(at));
        } else {
            ++at;
        }
    }
    out.resize(std::min(out.size(), most_findings));
}

template <typename Wanted>
findings run_those(const examination& box, Wanted wanted) {
    findings out;
    for (const check* one : checks()) {
        if (wanted(*one)) {
            run(*one, box, out);
        }
    }
    std::ranges::stable_sort(out, [](const catalog::finding& a, const catalog::finding& b) {
        return static_cast<int>(a.level) > static_cast<int>(b.level);
    });
    return out;
}

}  // namespace

core::result<model_view> view_of(const catalog::model_entry& model) {
    const auto ports = catalog::stand_in_ports(model.runtime, chosen_later);
    model_view out;
    out.entry = model;
    for (const catalog::service_template& service : model.runtime.services) {
        auto expanded = catalog::expand_service(model, service, ports);
        if (!expanded) {
            return core::make_failure(core::errc::invalid, core::say("runtime.profile/service", service.name,
                                                                     expanded.error().message));
        }
        service_view view;
        view.rules = service;
        view.command.command = std::move(expanded->command);
        view.command.environment = process::clean_environment();
        for (auto& [name, value] : expanded->environment) {
            view.command.environment[name] = std::move(value);
        }
        view.command.working_directory = std::move(expanded->working_directory);
        const bool chosen = is_chosen(model.runtime, service);
        view.port = chosen ? std::uint16_t{0} : service.port;
        view.compiled_port = chosen ? service.port : std::uint16_t{0};
        out.services.push_back(std::move(view));
    }
    return out;
}

namespace {

// The processes that are Corral, by the names that they have for every user.
std::vector<pid_t> corrals() {
    std::vector<pid_t> out;
    std::error_code unreadable;  // then none is known
    for (std::filesystem::directory_iterator entry("/proc", unreadable), end; !unreadable && entry != end;
         entry.increment(unreadable)) {
        const auto pid = core::whole_number<pid_t>(entry->path().filename().string());
        if (pid && process::is_corral(first_line(entry->path() / "comm"))) {
            out.push_back(*pid);
        }
    }
    return out;
}

}  // namespace

surroundings these_surroundings(pid_t daemon) {
    surroundings out;
    out.machine = package::this_machine();
    out.listeners = [](std::uint16_t port) { return process::listeners_on(port); };
    out.is_ours = [daemon, self = ::getpid()](pid_t pid) {
        return process::descends_from(pid, self) || process::descends_from(pid, daemon);
    };
    out.is_kept = [all = corrals()](pid_t pid) {
        return std::ranges::any_of(all, [pid](pid_t one) { return process::descends_from(pid, one); });
    };
    out.lives = [](pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; };
    out.now = std::chrono::system_clock::now();
    out.user = ::geteuid();
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        out.most_descriptors = files.rlim_max;
    }
    out.free_bytes = [](const std::filesystem::path& place) -> std::uint64_t {
        std::error_code unknown;  // then nothing is said of it
        const auto room = std::filesystem::space(place, unknown);
        return unknown ? UINT64_MAX : room.available;
    };
    return out;
}

findings examine(const examination& box) {
    return run_those(box, [](const check&) { return true; });
}

findings examine_before_start(const examination& box, start_part part) {
    return run_those(box, [part](const check& one) { return one.before_start == part; });
}

}  // namespace corral::doctor
