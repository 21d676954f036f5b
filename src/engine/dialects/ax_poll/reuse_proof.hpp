#pragma once
// Whether this box makes the same of a prompt behind its cache as of one that is computed whole: rows made by decode and
// by prefill come from different compiled graphs, so nobody else's word counts (docs/facts/prefix_reuse.md). No I/O.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dialects/ax_poll/piece_assembly.hpp"

namespace corral::engine::ax_poll {

struct reuse_proof {
    enum class verdict { open, equal, different };
    verdict says = verdict::open;
    std::string why;  // one plain sentence
};

// The answers of the same prompts, in the same order. `date`: of today.
[[nodiscard]] reuse_proof compare_answers(const std::vector<token_ids>& behind,
                                          const std::vector<token_ids>& anew, std::string_view date);

// As it is kept in a file; nothing where the text is none of these, or says nothing.
[[nodiscard]] std::string text_of(const reuse_proof& proof);
[[nodiscard]] std::optional<reuse_proof> proof_of(std::string_view text);

}  // namespace corral::engine::ax_poll
