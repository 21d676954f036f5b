#pragma once
// What to do when a request for a file, or for the list of files, did not end well.

#include <cstdint>
#include <optional>
#include <string>

#include "corral/core/random_source.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::pull {

enum class trouble {
    status,      // an answer that is none of ours, by its status
    cut,         // the connection ended early, or never came about
    silence,     // nothing came for too long
    wrong_hash,  // all bytes are there, and they are others
    wrong_size,  // the answer is longer or shorter than the file
};

struct bad_end {
    trouble what = trouble::cut;
    unsigned status = 0;                         // of an answer
    std::optional<core::seconds> retry_after{};  // as the server said
    bool progress = false;                       // bytes of the file came before
};

struct retry_limits {
    unsigned without_progress = 8;    // attempts one after another that brought nothing
    unsigned with_wrong_hash = 2;     // times the same file came whole and wrong
    core::seconds longest_wait{120};  // between two attempts, whatever a server asks for
    core::milliseconds first_wait{500};
};

// Of one file, or of the list.
struct retry_state {
    unsigned fruitless = 0;
    unsigned wrong = 0;
};

// How long to wait before the next attempt; nothing: give up.
[[nodiscard]] std::optional<core::milliseconds> next_attempt(retry_state& state, const bad_end& end,
                                                             core::random_source& random,
                                                             const retry_limits& limits = {});

// Why the hub refuses, for people. `error_code` is its field X-Error-Code.
[[nodiscard]] core::failure refusal(unsigned status, std::string_view error_code, const std::string& what,
                                    bool had_token);

}  // namespace corral::pull
