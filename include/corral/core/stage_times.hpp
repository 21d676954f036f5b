#pragma once

#include <optional>

#include "corral/core/time.hpp"

namespace corral::core {

// Where the time of a request went; zero while unknown.
struct stage_times {
    nanoseconds queue{0};    // arrival to lease
    nanoseconds reset{0};    // lease to confirmed reset
    nanoseconds prefill{0};  // generate accepted to first text
    nanoseconds decode{0};   // first text to end
    nanoseconds total{0};    // arrival to end
    // Parts of these, absent where they can't be known.
    std::optional<nanoseconds> tokenise;    // of prefill: texts into token ids
    std::optional<nanoseconds> detokenise;  // of decode: token ids into texts, all together
    std::optional<nanoseconds> delivery;    // of total: pieces that waited for the client to take them
};

}  // namespace corral::core
