#include "corral/process/exit_reason.hpp"

#include <cstring>

namespace corral::process {

namespace {

std::string signal_name(int number) {
    const char* name = ::sigabbrev_np(number);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

struct describer {
    std::string operator()(const exited_with& how) const { return "exit status " + std::to_string(how.code); }
    std::string operator()(const killed_by& how) const {
        return "killed by " + signal_name(how.signal) + (how.core_dumped ? " (core dumped)" : "");
    }
    std::string operator()(const lost_track& how) const {
        return "exit status unknown (" + how.why.message() + ")";
    }
};

}  // namespace

std::string describe(const exit_reason& how) {
    return std::visit(describer{}, how);
}

}  // namespace corral::process
