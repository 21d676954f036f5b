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
    computing_parts of;
};

struct runtime_command {
    std::vector<std::string> words;     // as it is started, from the package's folder
    std::vector<std::string> as_named;  // as the profile has them, with placeholders
    std::string card;                   // of the type that it needs
};

[[nodiscard]] proof_place proof_place_of(const std::filesystem::path& folder,
                                         const std::filesystem::path& package,
                                         const runtime_command& runtime);
// What is kept there of these very parts; else an open one, which says what has changed since.
[[nodiscard]] reuse_proof recall_proof(const proof_place& place);
// Empty, or why not, a sentence.
[[nodiscard]] std::string keep_proof(const proof_place& place, const reuse_proof& proof);
// Removes the files of packages that are gone, of the first few hundred entries of the folder; how many.
std::size_t remove_stale_proofs(const std::filesystem::path& folder);

}  // namespace corral::engine::ax_poll
