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

// Who the model is: what `corral-sim package` was told, in a line of its own below the geometry.
struct package_identity {
    std::string name = "sim";  // what it answers to [[model=...]]
    int device_mib = 0;        // what it takes of the card; 0: as the card's settings say
};
package_identity identity_in(const std::string& path);
std::string identity_text(const package_identity& identity);

}  // namespace corral::sim
