#pragma once
// Whether this box makes the same of a prompt behind its cache as of one that is computed whole: rows made by decode and
// by prefill come from different compiled graphs, so no other's word counts (docs/facts/vendor_ax.md). No I/O.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/time.hpp"
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

}  // namespace corral::engine::ax_poll
