#pragma once
// Words that keep prompts apart in a server's cache: prompts that begin alike share what was computed only where they
// carry the same one. Nobody can guess them, and another process has others. No I/O but the keys' randomness.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "corral/core/keyed_hash.hpp"

namespace corral::engine::streaming {

class cache_salts {
public:
    cache_salts();
    // The same for all prompts of an owner; empty for nobody's.
    [[nodiscard]] std::string of(std::string_view owner) const;
    // Never the same again.
    [[nodiscard]] std::string once();

private:
    [[nodiscard]] std::string hashed(std::string_view kind, std::string_view text) const;

    std::array<core::keyed_hash::key, 4> keys_;
    std::uint64_t uses_ = 0;
};

}  // namespace corral::engine::streaming
