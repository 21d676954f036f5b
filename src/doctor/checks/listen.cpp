// Our own address.

#include <array>
#include <string>

#include "doctor/checks.hpp"
#include "doctor/port_holder.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array listen_kinds{
    finding_kind{"listen.taken", severity::error,
                 "another program holds the address that Corral is to serve on",
                 "Corral can't be started there, and clients that mean it reach the other program",
                 "stop that program, or say another 'listen'"},
    finding_kind{"listen.silent-corral", severity::warning,
                 "a Corral serves there, which could not be asked how it is",
                 "what it knows of its models is missing here",
                 "ask as the user that runs it: sudo corral doctor"},
};

void check_listen(const examination& of, findings& out) {
    if (!of.configuration || !of.configuration->known || of.configuration->port == 0) {
        return;
    }
    const auto holder = holder_of(of.around, of.configuration->port, of.configuration->beyond_loopback);
    if (!holder) {
        return;
    }
    const std::string where = of.configuration->address + ":" + std::to_string(of.configuration->port);
    if (holder->who.starts_with("corral (")) {
        say(out, listen_kinds[1], "this Corral",
            "a Corral serves at " + where + " (" + holder->who + ")" +
                (of.daemon_problem.empty() ? "" : ", and can't be asked: " + of.daemon_problem));
        return;
    }
    say(out, listen_kinds[0], "this Corral", "the address " + where + " is already taken by " + holder->who,
        holder->fix);
}

}  // namespace

const check listen_check{"listen", "the address that Corral serves on", start_part::none, listen_kinds,
                         check_listen};

}  // namespace corral::doctor
