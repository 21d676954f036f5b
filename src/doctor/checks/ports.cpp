// The ports that services ask for, our own address, and who may come in there.

#include <array>
#include <string>

#include "doctor/checks.hpp"
#include "doctor/port_holder.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array ports_kinds{
    finding_kind{
        "port.taken", severity::error, "another program holds the port that a service is to have",
        "the vendor's server would say that it is ready and then end, or share the port with the other "
        "and mix up their answers",
        "stop that program; where the command names {port}, another one helps, and else the port guard "
        "(guard = \"warn\")"},
    finding_kind{
        "port.compiled-in-taken", severity::note,
        "another program holds the port that is compiled into a runtime",
        "the port guard gives the runtime another one, so they don't meet; without the guard they would",
        "nothing, as long as the guard works"},
};

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
                    ", which is compiled into the program, is held by " + holder->who);
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
    finding_kind{"listen.taken", severity::error,
                 "another program holds the address that Corral is to serve on",
                 "Corral can't be started there, and clients that mean it reach the other program",
                 "stop that program, or set another 'listen'"},
    finding_kind{"listen.silent-corral", severity::warning,
                 "a Corral serves there, which could not be asked how it is",
                 "what it knows of its models is missing here",
                 "ask as the user that runs it: sudo corral doctor"},
    finding_kind{"listen.other-user", severity::note,
                 "a program of another user, who runs a Corral, holds the address",
                 "it is most likely that Corral", "ask as that user: sudo corral doctor"},
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
            "a Corral serves at " + where + " (" + holder->who + ")" +
                (box.daemon_problem.empty() ? "" : ", and can't be asked: " + box.daemon_problem));
        return;
    }
    if (holder->pid == 0 && box.daemon_of_another_user) {
        say(out, listen_kinds[2], "this Corral",
            "the address " + where + " is held by " + holder->who + ": " + box.daemon_problem);
        return;
    }
    say(out, listen_kinds[0], "this Corral", "the address " + where + " is already taken by " + holder->who,
        holder->fix);
}

constexpr std::array exposure_kinds{
    finding_kind{
        "access.open", severity::warning, "every machine of the network may use the models",
        "no key is asked for, so whoever reaches this port can read, slow down and use everything",
        "make keys: corral key new NAME --file FILE, and name the file as 'keys' in [access]; or listen "
        "on 127.0.0.1"},
};

void check_exposure(const examination& box, findings& out) {
    const auto& said = box.configuration;
    if (said && said->known && said->beyond_loopback && !said->needs_key) {
        say(out, exposure_kinds[0], "this Corral",
            "it listens on " + said->address + " for the whole network and asks for no key");
    }
}

}  // namespace

const check ports_check{"ports", "the ports of services, and who holds them", start_part::moment, ports_kinds,
                        check_ports};

const check listen_check{"listen", "the address that Corral serves on", start_part::none, listen_kinds,
                         check_listen};

const check exposure_check{"exposure", "whether others may come in without a key", start_part::none,
                           exposure_kinds, check_exposure};

}  // namespace corral::doctor
