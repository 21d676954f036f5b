#include "doctor/checks.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace corral::doctor {

std::span<const check* const> checks() {
    static constexpr std::array list{
        &configuration_check,      //
        &clock_check,              //
        &descriptors_check,        //
        &state_directory_check,    //
        &exposure_check,           //
        &listen_check,             //
        &driver_check,             //
        &pcie_link_check,          //
        &device_check,             //
        &device_memory_check,      //
        &contiguous_memory_check,  //
        &host_memory_check,        //
        &kernel_log_check,         //
        &package_files_check,      //
        &programs_check,           //
        &libraries_check,          //
        &permissions_check,        //
        &ports_check,              //
        &guard_check,              //
        &daemon_check,             //
    };
    return list;
}

void say(findings& out, const finding_kind& kind, std::string subject, std::string what, std::string fix) {
    catalog::finding found;
    found.id = kind.id;
    found.level = kind.level;
    found.subject = std::move(subject);
    found.what = std::move(what);
    found.why = kind.why;
    found.fix = fix.empty() ? std::string(kind.fix) : std::move(fix);
    out.push_back(std::move(found));
}

std::string subject_of(const model_view& model) {
    return "model " + model.entry.name;
}

std::string subject_of(const model_view& model, const service_view& service) {
    return subject_of(model) + ", service " + service.rules.name;
}

bool is_program_variable(const model_view& model, const service_view& service) {
    if (service.rules.command.empty()) {
        return false;
    }
    const auto& known = model.entry.runtime.variables;
    return std::ranges::any_of(known, [&](const catalog::variable_spec& one) {
        return one.kind == catalog::variable_kind::program &&
               service.rules.command.front() == "{" + one.name + "}";
    });
}

bool is_loaded(const examination& box, const model_view& model) {
    return box.daemon && std::ranges::any_of(box.daemon->models, [&](const served_model& served) {
               return served.name == model.entry.name &&
                      (served.state == "ready" || served.state == "loading");
           });
}

}  // namespace corral::doctor
