// The port guard, which keeps vendors' servers off the network.

#include <array>
#include <string>

#include "corral/process/portguard.hpp"
#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array guard_kinds{
    finding_kind{"guard.*", severity::error, "the port guard can't protect a service",
                 "the vendor's server listens on every interface without requiring a key, and its port can't "
                 "be changed; with guard = \"require\" the service is not started",
                 "the finding says why; set guard = \"off\" for the service to accept that"},
};

void look(const model_view& model, const service_view& service, findings& out) {
    if (service.rules.guard == catalog::guard_mode::off) {
        return;
    }
    const std::string library = service.rules.guard_library.empty() ? process::find_portguard()
                                                                    : service.rules.guard_library.string();
    auto fault = process::check_portguard(service.command, library);
    if (!fault) {
        return;
    }
    say(out, guard_kinds[0], subject_of(model, service), std::move(fault->message), std::move(fault->advice));
    out.back().id = "guard." + fault->id;
    const bool must = service.rules.guard == catalog::guard_mode::require;
    out.back().level = must ? severity::error : severity::warning;
}

void check_guard(const examination& box, findings& out) {
    for (const model_view& model : box.models) {
        for (const service_view& service : model.services) {
            look(model, service, out);
        }
    }
}

}  // namespace

const check guard_check{"guard", "the library that keeps vendors' servers off the network", start_part::none,
                        guard_kinds, check_guard};

}  // namespace corral::doctor
