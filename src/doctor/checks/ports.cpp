// The ports that services ask for, our own address, and who may come in there.

#include <array>
#include <optional>
#include <string>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "doctor/checks.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array ports_kinds{
    finding_kind{"port.taken", severity::error, "another program is using the port of a service",
                 "the vendor's server would report that it is ready and then exit, or share the port with "
                 "that program and mix up their answers",
                 "stop that program, set another port (if the command contains {port}), or use the port "
                 "guard (guard = \"warn\")"},
    finding_kind{"port.compiled-in-taken", severity::note,
                 "another program is using the port compiled into a runtime",
                 "the port guard gives the runtime another port; without it, the two would conflict",
                 "nothing, as long as the guard works"},
};

// Who has a port, and how he is made to give it back.
struct port_holder {
    pid_t pid = 0;    // 0: of another user
    std::string who;  // "python3 (pid 1234)"
    std::string fix;  // the command that stops it
    bool corral = false;
};

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

// A listener of a foreign process that is in the way of one at `port`; of those on every interface or loopback,
// and with `any_address` of all.
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

void look(const examination& box, const model_view& model, const service_view& service, findings& out) {
    if (service.port != 0) {
        if (auto holder = holder_of(box.around, service.port, false)) {
            say(out, ports_kinds[0], subject_of(model, service),
                "port " + std::to_string(service.port) + " is already taken by " + holder->who,
                std::move(holder->fix));
        }
    }
    if (service.compiled_port != 0) {
        if (auto holder = holder_of(box.around, service.compiled_port, true)) {
            say(out, ports_kinds[1], subject_of(model, service),
                "port " + std::to_string(service.compiled_port) +
                    ", which is compiled into the program, is used by " + holder->who);
        }
    }
}

void check_ports(const examination& box, findings& out) {
    for (const model_view& model : box.models) {
        for (const service_view& service : model.services) {
            look(box, model, service, out);
        }
    }
}

constexpr std::array listen_kinds{
    finding_kind{"listen.taken", severity::error, "another program is using Corral's address",
                 "Corral can't start there, and its clients reach the other program",
                 "stop that program, or set another 'listen'"},
    finding_kind{
        "listen.silent-corral", severity::warning, "Corral is running there, but could not be queried",
        "what it knows about its models is missing here", "run this as its user or root: sudo corral doctor"},
    finding_kind{"listen.other-user", severity::note,
                 "a program of another user, who runs Corral, is using the address",
                 "it is most likely that user's Corral", "run this as that user or root: sudo corral doctor"},
};

void check_listen(const examination& box, findings& out) {
    if (!box.configuration || !box.configuration->known || box.configuration->port == 0) {
        return;
    }
    if (box.daemon) {
        return;  // it serves already, maybe elsewhere by its command line
    }
    const auto holder = holder_of(box.around, box.configuration->port, box.configuration->beyond_loopback);
    if (!holder) {
        return;
    }
    const std::string where = box.configuration->address + ":" + std::to_string(box.configuration->port);
    if (holder->corral) {
        say(out, listen_kinds[1], "this Corral",
            "Corral is running at " + where + " (" + holder->who + ")" +
                (box.daemon_problem.empty() ? "" : ", but can't be queried: " + box.daemon_problem));
        return;
    }
    if (holder->pid == 0 && box.daemon_of_another_user) {
        say(out, listen_kinds[2], "this Corral",
            "the address " + where + " is used by " + holder->who + ": " + box.daemon_problem);
        return;
    }
    say(out, listen_kinds[0], "this Corral", "the address " + where + " is already taken by " + holder->who,
        holder->fix);
}

constexpr std::array exposure_kinds{
    finding_kind{"access.open", severity::warning, "every machine on the network can use the models",
                 "no key is required, so anyone who reaches this port can read, use and slow down everything",
                 "create a key: corral key new NAME --file FILE, and set 'keys' in [access] to FILE; or "
                 "listen on 127.0.0.1"},
};

void check_exposure(const examination& box, findings& out) {
    const auto& said = box.configuration;
    if (said && said->known && said->beyond_loopback && !said->needs_key) {
        say(out, exposure_kinds[0], "this Corral",
            "it listens on " + said->address + ", open to the whole network, and requires no key");
    }
}

}  // namespace

const check ports_check{"ports", "the ports of services, and the programs using them", start_part::moment,
                        ports_kinds, check_ports};

const check listen_check{"listen", "the address Corral listens on", start_part::none, listen_kinds,
                         check_listen};

const check exposure_check{"exposure", "access from the network without a key", start_part::none,
                           exposure_kinds, check_exposure};

}  // namespace corral::doctor
