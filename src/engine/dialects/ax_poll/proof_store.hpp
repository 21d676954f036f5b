#pragma once
// The files in which a box keeps what it found of its runtimes' caches: one for each package and runtime,
// `reuse-<hash>.json` in the folder of the services. All calls block.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

// Whether this box makes the same of a prompt behind its cache as of one that is computed whole: rows made by decode and
// by prefill come from different compiled graphs, so no other's word counts (docs/facts/vendor_ax.md). No I/O.
struct reuse_proof {
    enum class verdict { open, equal, different };
    verdict says = verdict::open;
    std::string why;  // one plain sentence
};

// The answers of the same prompts, in the same order. `date`: of today.
[[nodiscard]] reuse_proof compare_answers(const std::vector<token_ids>& behind,
                                          const std::vector<token_ids>& anew, std::string_view date);

// When the comparison may have the runtime.
struct proof_pace {
    core::nanoseconds idle;  // the box must have been so long
    bool insists = false;    // it takes one short turn like a request, and no request cuts it short
};
// A box that was asked nothing yet compares at once; one that is hardly ever idle gets by with short gaps, and one that
// never is still compares some time. `asked`: something, since its runtime was loaded.
[[nodiscard]] proof_pace pace_of_proof(core::nanoseconds open_for, core::nanoseconds compare_after,
                                       bool asked);

inline constexpr int proof_format = 1;

// What computes, and so what a result is of: a hash of each, or a name. No times and no folders of files are in them.
struct computing_parts {
    std::string runtime;  // its programs
    std::string weights;
    std::string card;  // its type; empty: not known
    // "the weights", "the runtime's program and the weights"; empty: they are the same.
    [[nodiscard]] std::string changed_since(const computing_parts& before) const;
};

// As it is kept in a file; nothing where the text is none of these, of a newer format, or says nothing.
struct kept_proof {
    reuse_proof proof;
    std::string package;
    computing_parts of;
};
[[nodiscard]] std::string text_of(const kept_proof& kept);
[[nodiscard]] std::optional<kept_proof> proof_of(std::string_view text);

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
