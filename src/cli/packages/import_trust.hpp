#pragma once
// Whether a package is what its list of checksums, and who signed that, say: before anything of it is read.

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cli/base/terminal.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/package/checksum_check.hpp"
#include "corral/package/package_seal.hpp"

namespace corral::cli {

struct trust_request {
    std::filesystem::path package;
    std::filesystem::path trusted;  // folder of the keys
    bool require_signature = false;
};

struct package_trust {
    std::vector<catalog::finding> findings;     // an error: the package is not imported
    std::optional<package::package_seal> seal;  // absent: there is no list, or it does not hold
    package::signature_verdict signature;
    std::size_t listed = 0;  // files of the list; 0: there is none
};

using hash_progress = std::function<bool(std::uint64_t done, std::uint64_t all)>;

// A folder that can't be opened has no finding here: others tell.
[[nodiscard]] package_trust check_trust(const trust_request& request, const hash_progress& go_on);

// A bar on standard error, as for a load, where that is a terminal; otherwise silence. `what`: before the bar.
[[nodiscard]] hash_progress hash_bar(std::string label, const text_style& style);

// The content of the model's files against the seal of its import, if it has one.
[[nodiscard]] std::vector<catalog::finding> check_sealed_content(const catalog::model_entry& model,
                                                                 const hash_progress& go_on);

// How far the package is what its maker says, where there is a list of checksums.
void print_trust(std::ostream& to, const package_trust& trust);

}  // namespace corral::cli
