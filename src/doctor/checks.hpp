#pragma once
// The checks, a file each subject in checks/.

#include <string>
#include <vector>

#include "corral/doctor/doctor.hpp"

namespace corral::doctor {

using findings = std::vector<catalog::finding>;

extern const check configuration_check;
extern const check clock_check;
extern const check descriptors_check;
extern const check state_directory_check;
extern const check exposure_check;
extern const check listen_check;
extern const check driver_check;
extern const check pcie_link_check;
extern const check device_check;
extern const check device_memory_check;
extern const check contiguous_memory_check;
extern const check host_memory_check;
extern const check kernel_log_check;
extern const check package_files_check;
extern const check programs_check;
extern const check libraries_check;
extern const check permissions_check;
extern const check ports_check;
extern const check guard_check;
extern const check daemon_check;

// Adds a finding of `kind`; an empty `fix` means the kind's own.
void say(findings& out, const finding_kind& kind, std::string subject, std::string what,
         std::string fix = {});

// "model qwen3:4b", "model qwen3:4b, service runtime".
[[nodiscard]] std::string subject_of(const model_view& model);
[[nodiscard]] std::string subject_of(const model_view& model, const service_view& service);

// True when the service's command begins with a variable that the profile calls a program,
// "{runtime_program}": the package's check looks at it.
[[nodiscard]] bool is_program_variable(const model_view& model, const service_view& service);

// True when the running Corral has this model loaded, so that what it uses is no sign of trouble.
[[nodiscard]] bool is_loaded(const examination& box, const model_view& model);

}  // namespace corral::doctor
