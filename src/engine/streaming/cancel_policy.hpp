#pragma once
// Whether an unwanted answer is read to its end, or its server replaced. Decides only.

#include <optional>

#include "corral/core/time.hpp"

namespace corral::engine::streaming {

struct unwanted_answer {
    core::nanoseconds left{0};                // the longest that it is read on for
    std::optional<core::nanoseconds> own{};   // to its end, by its limit and pace; nothing: not known
    std::optional<core::nanoseconds> load{};  // what a start takes; nothing: not known
    bool alone = true;                        // no other answer is in the server
};

// A new process is there before the answer has ended.
[[nodiscard]] bool replaces(const unwanted_answer& of) noexcept;
// Until the server is free, at most: for estimates.
[[nodiscard]] core::nanoseconds until_free(const unwanted_answer& of) noexcept;

}  // namespace corral::engine::streaming
