#pragma once
// What a name stands for on this box, and what its package will need that the box does not have, said before its
// download.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "corral/config/configuration_place.hpp"
#include "corral/core/result.hpp"
#include "corral/package/machine.hpp"
#include "corral/pull/box.hpp"
#include "corral/pull/package_source.hpp"
#include "corral/pull/pull_package.hpp"

namespace corral::cli {

// What a name that was typed after `corral pull` stands for on this box.
struct named_package {
    pull::package_source source;
    std::vector<std::string> remarks;  // worth knowing before the download, a sentence each
    // Of the catalogue; without an entry nothing is known.
    std::optional<pull::box_kind> kind;
    std::uint64_t memory_mb = 0;
    std::vector<std::string> python;
};

// A source as it is typed, else a name of the catalogue for this box. Fails with a sentence.
[[nodiscard]] core::result<named_package> find_package(const std::string& typed,
                                                       const config::configuration_place& place);

// This box, with the memory of its card as its status tool says. Blocks for the time-out of that tool at most. Call it
// before any thread exists.
[[nodiscard]] pull::box look_at_this_box(const config::configuration_place& place);

// Missing parts, a sentence each: driver, device, programs, Python modules, free memory. Only what the catalogue, the
// runtime's profile, the list of files and the package's tokenizer script tell; nothing of the package is run. Blocks.
[[nodiscard]] std::vector<std::string> missing_parts(const named_package& wanted, const pull::pull_plan& plan,
                                                     const config::configuration_place& place,
                                                     const package::machine& here);

}  // namespace corral::cli
