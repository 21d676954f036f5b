#pragma once
// What the model files of an Axera package say by their names and sizes, where no run script says it
// (docs/facts/vendor_ax.md#package-layout).

#include <map>
#include <string>
#include <vector>

#include "package/readers/reader.hpp"
#include "package/scripts/flag_binding.hpp"

namespace corral::package {

struct axera_files {
    std::vector<flag_word> flags;  // as a run script would have them; empty: there are no layers
    std::map<std::string, std::string> origins;  // of each flag
    std::vector<std::string> missing;            // for people: what was not found
};

// The largest set of numbered layers, the last stage and the embedding beside it; the embedding's rows and
// width from its size and a hidden size that some config.json of the package says.
[[nodiscard]] axera_files find_axera_files(const package_view& from);

}  // namespace corral::package
