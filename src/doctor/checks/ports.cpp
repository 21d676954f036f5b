// The ports that services ask for.

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
        "stop that program, or give the service another port"},
    finding_kind{
        "port.compiled-in-taken", severity::note,
        "another program holds the port that is compiled into a runtime",
        "the port guard gives the runtime another one, so they don't meet; without the guard they would",
        "nothing, as long as the guard works"},
};

void look(const examination& of, const model_view& model, const service_view& service, findings& out) {
    if (service.port != 0) {
        if (auto holder = holder_of(of.around, service.port, false)) {
            say(out, ports_kinds[0], subject_of(model, service),
                "port " + std::to_string(service.port) + " is already taken by " + holder->who,
                std::move(holder->fix));
        }
    }
    if (service.compiled_port != 0) {
        if (auto holder = holder_of(of.around, service.compiled_port, true)) {
            say(out, ports_kinds[1], subject_of(model, service),
                "port " + std::to_string(service.compiled_port) +
                    ", which is compiled into the program, is held by " + holder->who);
        }
    }
}

void check_ports(const examination& of, findings& out) {
    for (const model_view& model : of.models) {
        for (const service_view& service : model.services) {
            look(of, model, service, out);
        }
    }
}

}  // namespace

const check ports_check{"ports", "the ports of services, and who holds them", start_part::moment, ports_kinds,
                        check_ports};

}  // namespace corral::doctor
