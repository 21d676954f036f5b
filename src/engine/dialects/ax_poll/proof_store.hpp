#pragma once
// The files in which a box keeps what it found of its runtimes' caches: one for each package and runtime,
// `reuse-<hash>.json` in the folder of the services. All calls block.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/dialects/ax_poll/reuse_proof.hpp"

namespace corral::engine::ax_poll {

struct proof_place {
    std::filesystem::path file;
    std::filesystem::path package;
    std::string version;  // of the runtime's programs and the package's files: their paths, sizes and times
};

// `command`: the words of the commands of all services.
[[nodiscard]] proof_place proof_place_of(const std::filesystem::path& folder,
                                         const std::filesystem::path& package,
                                         const std::vector<std::string>& command);
// What is kept there of this very version.
[[nodiscard]] std::optional<reuse_proof> recall_proof(const proof_place& at);
// Empty, or why not, a sentence.
[[nodiscard]] std::string keep_proof(const proof_place& at, const reuse_proof& proof);
// Removes the files of packages that are gone, of the first few hundred entries of the folder; how many.
std::size_t remove_stale_proofs(const std::filesystem::path& folder);

}  // namespace corral::engine::ax_poll
