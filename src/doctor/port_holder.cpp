#include "doctor/port_holder.hpp"

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

// The unit of the service manager that `pid` belongs to, as a shell takes it: "llm-openai-api.service"; "" when it is
// none. Who may make groups may call them anything.
std::string unit_of(const surroundings& around, pid_t pid) {
    const std::string group = first_line(below(around.root, "/proc/" + std::to_string(pid) + "/cgroup"));
    const auto slash = group.rfind('/');
    std::string unit = slash == std::string::npos ? std::string() : group.substr(slash + 1);
    const bool of_user = group.find("/user.slice/") != std::string::npos;
    const bool known = unit.ends_with(".service") && !of_user && !unit.starts_with('-');
    return known ? core::word_to_paste(unit).value_or("") : std::string();
}

std::string fix_for(const surroundings& around, const process::listening_socket& row) {
    if (row.owner == 0) {
        return core::say("service.port-taken/do-see", row.port);
    }
    if (const std::string unit = unit_of(around, row.owner); !unit.empty()) {
        return core::say("service.port-taken/do-unit", unit);
    }
    if (around.is_kept(row.owner)) {
        return core::say("service.port-taken/do-corral");
    }
    return core::say("service.port-taken/do-kill", row.owner);
}

}  // namespace

std::optional<port_holder> holder_of(const surroundings& around, std::uint16_t port, bool any_address) {
    std::optional<port_holder> found;
    for (const process::listening_socket& row : around.listeners(port)) {
        const bool in_the_way = any_address || row.loopback || row.any_address;
        if (!in_the_way || (row.owner != 0 && around.is_ours(row.owner))) {
            continue;
        }
        if (found && row.owner == 0) {
            continue;  // one with a name says more
        }
        const std::string program = row.program.empty() ? "a program" : row.program;
        found = port_holder{row.owner,
                            row.owner == 0 ? "a process of another user"
                                           : program + " (pid " + std::to_string(row.owner) + ")",
                            fix_for(around, row), process::is_corral(row.program)};
        if (row.owner != 0) {
            break;
        }
    }
    return found;
}

}  // namespace corral::doctor
