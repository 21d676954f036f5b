// The program that each service's command begins with, and its working directory.

#include <algorithm>
#include <array>
#include <string>

#include "corral/process/program_check.hpp"
#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array programs_kinds{
    finding_kind{"program.*", severity::error, "the program of a service can't run here",
                 "the service can't be started", "the finding says which file, and what to do with it"},
};

void check_programs(const examination& of, findings& out) {
    for (const model_view& model : of.models) {
        const bool package_has_faults = std::any_of(out.begin(), out.end(), [&](const auto& one) {
            return one.level == severity::error && one.subject == subject_of(model);
        });
        for (const service_view& service : model.services) {
            // The package's own check has the better word then.
            if (package_has_faults && is_program_variable(model, service)) {
                continue;
            }
            if (auto fault = process::check_program(service.command)) {
                say(out, programs_kinds[0], subject_of(model, service), std::move(fault->message),
                    std::move(fault->advice));
                out.back().id = "program." + fault->id;
            }
        }
    }
}

}  // namespace

const check programs_check{"programs", "the program of each service's command, and its working directory",
                           start_part::files, programs_kinds, check_programs};

}  // namespace corral::doctor
