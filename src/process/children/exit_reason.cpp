#include "corral/process/exit_reason.hpp"

#include <cstring>

#include "corral/core/say.hpp"

namespace corral::process {

namespace {

std::string signal_name(int number) {
    const char* name = ::sigabbrev_np(number);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

struct describer {
    core::reason operator()(const exited_with& how) const {
        return core::say("service.exit/status", how.code);
    }
    core::reason operator()(const killed_by& how) const {
        return how.core_dumped ? core::say("service.exit/core", signal_name(how.signal))
                               : core::say("service.exit/signal", signal_name(how.signal));
    }
    core::reason operator()(const lost_track& how) const {
        return core::say("service.exit/unknown", how.why);
    }
};

}  // namespace

core::reason describe(const exit_reason& how) {
    return std::visit(describer{}, how);
}

}  // namespace corral::process
