// The program that each service's command begins with, its working directory, and the libraries it loads.

#include <algorithm>
#include <array>
#include <string>

#include "corral/package/package_check.hpp"
#include "corral/process/program_check.hpp"
#include "doctor/checks.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array programs_kinds{
    finding_kind{"program.*", severity::error, "the program of a service can't run here",
                 "the service can't start", "the finding names the file and what to do"},
};

void check_programs(const examination& box, findings& out) {
    for (const model_view& model : box.models) {
        const bool package_has_faults = std::ranges::any_of(out, [&](const auto& one) {
            return one.level == severity::error && one.subject == subject_of(model);
        });
        for (const service_view& service : model.services) {
            // The package's own check has the better word then.
            if (package_has_faults && is_program_variable(model, service)) {
                continue;
            }
            auto fault = process::check_program(service.command);
            const bool of_the_package = fault && fault->id == "bad-directory" &&
                                        service.command.working_directory == model.entry.package.string();
            if (fault && !(package_has_faults && of_the_package)) {
                say(out, programs_kinds[0], subject_of(model, service), std::move(fault->message),
                    std::move(fault->advice));
                out.back().id = "program." + fault->id;
            }
        }
    }
}

constexpr std::array libraries_kinds{
    finding_kind{"program.library-*", severity::error, "a program needs a shared library that was not found",
                 "the dynamic loader ends it before it starts (exit status 127)",
                 "install the library, or add its folder to LD_LIBRARY_PATH in the service's environment"},
};

// The service alone, its program named as a profile would.
catalog::model_entry stand_in(const model_view& model, const service_view& service) {
    catalog::variable_spec program;
    program.name = "program";
    program.kind = catalog::variable_kind::program;
    catalog::service_template plain;
    plain.name = service.rules.name;
    plain.command = {"{program}"};
    for (const auto& [name, value] : service.command.environment) {
        if (name == "LD_LIBRARY_PATH" || name == "QEMU_LD_PREFIX") {
            plain.environment[name] = value;
        }
    }
    plain.working_directory = "{package}";
    catalog::model_entry out;
    out.name = model.entry.name;
    out.package = model.entry.package;
    out.variables = {{"program", service.command.command.front()}};
    out.runtime.name = model.entry.runtime.name;
    out.runtime.variables = {std::move(program)};
    out.runtime.services = {std::move(plain)};
    return out;
}

bool has_path(const service_view& service) {
    return !service.command.command.empty() && service.command.command.front().find('/') != std::string::npos;
}

void check_libraries(const examination& box, findings& out) {
    for (const model_view& model : box.models) {
        for (const service_view& service : model.services) {
            if (!has_path(service) || is_program_variable(model, service)) {
                continue;  // the system's own programs are whole; the package's were looked at with it
            }
            for (catalog::finding& found :
                 package::check_package(stand_in(model, service), box.around.machine)) {
                if (found.id.starts_with("program.library-")) {
                    found.subject = subject_of(model, service);
                    out.push_back(std::move(found));
                }
            }
        }
    }
}

}  // namespace

const check programs_check{"programs", "the program of each service's command, and its working directory",
                           start_part::files, programs_kinds, check_programs};

const check libraries_check{"libraries", "the shared libraries of programs named by a model itself",
                            start_part::files, libraries_kinds, check_libraries};

}  // namespace corral::doctor
