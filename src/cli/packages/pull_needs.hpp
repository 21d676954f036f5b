#pragma once
// What a package will need of this box and the box does not have, said before its download.

#include <string>
#include <vector>

#include "cli/packages/pull_name.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/package/machine.hpp"
#include "corral/pull/pull_package.hpp"

namespace corral::cli {

// This box, with the memory of its card as its status tool says. Blocks for the time-out of that tool at most. Call it
// before any thread exists.
[[nodiscard]] pull::box look_at_this_box(const config::configuration_place& place);

// Missing parts, a sentence each: driver, device, programs, Python modules, free memory. Only what the catalogue, the
// runtime's profile, the list of files and the package's tokenizer script tell; nothing of the package is run. Blocks.
[[nodiscard]] std::vector<std::string> missing_parts(const named_package& wanted, const pull::pull_plan& plan,
                                                     const config::configuration_place& place,
                                                     const package::machine& here);

}  // namespace corral::cli
