#pragma once

#include <optional>
#include <string>

#include "fault_switches.hpp"
#include "runtime/vendor_flags.hpp"
#include "scenario.hpp"

// Looks at the package's files as the original's loader does.
namespace corral::sim {

enum class file_state { good, missing, unusable };

// `unusable`: a git-LFS pointer or an empty file, which the engine refuses to open.
file_state model_file_state(const std::string& path);

std::string layer_path(const std::string& name_template, int layer);

// Bytes of the file; nullopt when it cannot be opened.
std::optional<long long> file_size(const std::string& path);

// The geometry that `corral-sim package` wrote into a layer file; nullopt for any other file.
std::optional<geometry_options> geometry_in(const std::string& path);
std::string geometry_file_text(const geometry_options& geometry);

}  // namespace corral::sim
