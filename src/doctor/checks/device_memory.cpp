// Who holds the device's memory that is not ours: left-over runtimes above all.

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include <fmt/format.h>

#include "doctor/checks.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;
namespace fs = std::filesystem;

constexpr std::array device_memory_kinds{
    finding_kind{"device.held-by-other", severity::warning, "a program that is not ours holds device memory",
                 "what it holds is missing for models", "stop it, if it is a left-over"},
    finding_kind{"device.held-by-dead", severity::warning,
                 "a process that has ended still holds device memory",
                 "its memory is missing until the card is restarted", "restart the card"},
    finding_kind{"process.left-over", severity::warning, "a runtime of a package runs that no Corral keeps",
                 "it takes memory of the device, and its port, and nobody watches it", "stop it"},
};

constexpr std::uint64_t kib_in_mb = 1024;
constexpr std::size_t most_processes = 65536;

std::string file_name(const std::string& path) {
    return fs::path(path).filename().string();
}

void look_at_holders(const examination& of, const device_view& device, findings& out, std::set<pid_t>& told) {
    for (const device::device_process& one : device.look.report.processes) {
        if (of.around.is_ours(one.pid) || !told.insert(one.pid).second) {
            continue;
        }
        const std::uint64_t held = one.kib / kib_in_mb;
        if (of.around.lives(one.pid)) {
            say(out, device_memory_kinds[0], "the device",
                fmt::format("process {} ({}) holds {} MB of card {} and is not ours", one.pid,
                            file_name(one.name), held, one.card),
                fmt::format("if it is a left-over: kill {}", one.pid));
        } else {
            say(out, device_memory_kinds[1], "the device",
                fmt::format("the ended process {} ({}) still holds {} MB of card {}", one.pid,
                            file_name(one.name), held, one.card),
                device.said.advice);
        }
    }
}

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos && text.size() < 9;
}

// Its program lies in a package of ours, so there is no doubt what it is.
const model_view* model_of_program(const examination& of, const fs::path& program) {
    for (const model_view& model : of.models) {
        std::error_code gone;
        const fs::path package = fs::weakly_canonical(model.entry.package, gone);
        if (gone || package.empty()) {
            continue;
        }
        const auto [end, rest] =
            std::mismatch(package.begin(), package.end(), program.begin(), program.end());
        if (end == package.end()) {
            return &model;
        }
    }
    return nullptr;
}

void look_at_processes(const examination& of, findings& out, const std::set<pid_t>& told) {
    std::error_code unreadable;
    std::size_t seen = 0;
    for (fs::directory_iterator entry(below(of.around.root, "/proc"), unreadable), end;
         !unreadable && entry != end && seen < most_processes; entry.increment(unreadable), ++seen) {
        const std::string name = entry->path().filename().string();
        std::error_code of_another_user;
        const fs::path program =
            is_number(name) ? fs::read_symlink(entry->path() / "exe", of_another_user) : fs::path();
        if (program.empty()) {
            continue;
        }
        const auto pid = static_cast<pid_t>(std::stol(name));
        const model_view* const model = model_of_program(of, program);
        if (model != nullptr && !of.around.is_ours(pid) && !told.contains(pid)) {
            say(out, device_memory_kinds[2], subject_of(*model),
                fmt::format("process {} ({}) of its package runs, and no Corral keeps it", pid,
                            program.filename().string()),
                fmt::format("stop it: kill {}", pid));
        }
    }
}

void check_device_memory(const examination& of, findings& out) {
    std::set<pid_t> told;
    for (const device_view& device : of.devices) {
        if (device.look.problem == device::look_problem::none) {
            look_at_holders(of, device, out, told);
        }
    }
    look_at_processes(of, out, told);
}

}  // namespace

const check device_memory_check{"device-memory", "who holds device memory, and left-over runtimes",
                                start_part::none, device_memory_kinds, check_device_memory};

}  // namespace corral::doctor
