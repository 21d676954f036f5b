#pragma once
// Words that keep prompts apart in a server's cache: prompts that begin alike share what was computed only where they
// carry the same one. They can't be guessed, and another process has others. No I/O but the keys' randomness.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/keyed_hash.hpp"

namespace corral::engine::streaming {

class cache_salts {
public:
    cache_salts();
    // The same for all prompts of an owner; empty without one.
    [[nodiscard]] std::string of(std::string_view owner) const;
    // Never the same again.
    [[nodiscard]] std::string once();

private:
    [[nodiscard]] std::string hashed(std::string_view kind, std::string_view text) const;

    std::array<core::keyed_hash::key, 4> keys_;
    std::uint64_t uses_ = 0;
};

// The prompts that a server process read without a salt, because it refuses one or because none are kept apart.
// Those of one owner may: they share nothing with others. No I/O.
class unsalted_prompts {
public:
    // What another image of this program wrote down of this process; empty: it wrote nothing, so it is unknown.
    [[nodiscard]] static unsalted_prompts known_from(std::string_view word);
    [[nodiscard]] std::string word() const;

    void refuse() noexcept { refused_ = true; }
    [[nodiscard]] bool refused() const noexcept { return refused_; }
    void note(std::string_view owner);
    // Whether a prompt of this owner may go without; then it is noted. `anyone`: keys may share what was computed.
    [[nodiscard]] bool take(std::string_view owner, bool anyone);

private:
    bool refused_ = false;
    bool several_ = false;
    std::optional<std::string> owner_;
};

}  // namespace corral::engine::streaming
