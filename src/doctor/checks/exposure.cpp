// Who may come in.

#include <array>
#include <string>

#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array exposure_kinds{
    finding_kind{
        "access.open", severity::warning, "every machine of the network may use the models",
        "no key is asked for, so whoever reaches this port can read, slow down and use everything",
        "make keys: corral key new NAME --file FILE, and name the file as 'keys' in [access]; or listen "
        "on 127.0.0.1"},
};

void check_exposure(const examination& of, findings& out) {
    const auto& said = of.configuration;
    if (said && said->known && said->beyond_loopback && !said->needs_key) {
        say(out, exposure_kinds[0], "this Corral",
            "it listens on " + said->address + " for the whole network and asks nobody for a key");
    }
}

}  // namespace

const check exposure_check{"exposure", "whether others may come in without a key", start_part::none,
                           exposure_kinds, check_exposure};

}  // namespace corral::doctor
