// How many files and connections a process may have open.

#include <array>
#include <string>

#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array descriptors_kinds{
    finding_kind{"descriptors.few", severity::warning, "the limit of open files is low",
                 "every client, service and log needs some; at the limit, new clients have to wait",
                 "raise the hard limit: LimitNOFILE=65536 in the unit, or ulimit -Hn in the shell"},
};

constexpr std::uint64_t enough = 1024;

void check_descriptors(const examination& box, findings& out) {
    const std::uint64_t most = box.around.most_descriptors;
    if (most != 0 && most < enough) {
        say(out, descriptors_kinds[0], "this machine",
            "at most " + std::to_string(most) + " files can be open at once");
    }
}

}  // namespace

const check descriptors_check{"descriptors", "the limit of open files", start_part::none, descriptors_kinds,
                              check_descriptors};

}  // namespace corral::doctor
