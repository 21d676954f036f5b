#pragma once
// Where a file that lies here in part is gone on with, and whether an answer is the rest of it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"

namespace corral::pull {

struct part_facts {
    std::uint64_t bytes = 0;            // that lie here
    std::optional<std::uint64_t> size;  // of the whole file, as listed
    std::string etag;                   // that came with these bytes; empty: not known
};

struct part_request {
    std::uint64_t from = 0;  // 0: all of it is asked for
    std::string if_range;    // empty: no condition
    bool complete = false;   // nothing is to be asked for: all bytes are here
    bool discard = false;    // what lies here is none of it
};

[[nodiscard]] part_request plan_part(const part_facts& part);

struct answer_facts {
    unsigned status = 0;
    std::string content_range;            // the field
    std::optional<std::uint64_t> length;  // of its body
};

struct answer_use {
    std::uint64_t from = 0;             // where its first byte belongs
    std::optional<std::uint64_t> size;  // of the whole file, as the answer says
};

// Fails with a sentence for an answer that is neither the file nor the rest that was asked for.
[[nodiscard]] core::result<answer_use> judge_answer(const part_facts& part, const part_request& request,
                                                    const answer_facts& answer);

struct content_range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::optional<std::uint64_t> size;
    bool operator==(const content_range&) const = default;
};

// "bytes 5-9/10", "bytes 5-9/*"
[[nodiscard]] std::optional<content_range> parse_content_range(std::string_view text);

}  // namespace corral::pull
