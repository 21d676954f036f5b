#pragma once
// What a name that was typed after `corral pull` stands for on this box.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "corral/config/configuration_place.hpp"
#include "corral/core/result.hpp"
#include "corral/pull/box.hpp"
#include "corral/pull/package_source.hpp"

namespace corral::cli {

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

}  // namespace corral::cli
