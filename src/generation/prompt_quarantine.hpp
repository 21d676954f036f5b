#pragma once
// Knows by a keyed hash which prompts killed or hung a runtime lately, so that one deadly prompt, asked again and
// again, costs a few processes and not all of them. One that was refused and does harm again, at its first try, is
// refused for twice as long. Keeps no text. Decides only.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "corral/chat/generation_request.hpp"
#include "corral/core/keyed_hash.hpp"
#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"

namespace corral::generation {

struct quarantine_rule {
    core::nanoseconds lasts = std::chrono::minutes{10};  // from the last loss; doubles
    core::nanoseconds longest = std::chrono::hours{24};  // and for so long the past is remembered afterwards
    unsigned deadly_after = 2;                           // losses
    std::size_t most = 256;                              // prompts; the oldest go
};

// What a prompt did.
struct prompt_record {
    unsigned losses = 0;  // of the runtime; one that another run may be to blame for counts half
    unsigned deaths = 0;
    unsigned hangs = 0;
    std::string last;           // a plain sentence
    core::steady_time until{};  // forgotten then
};

using prompt_mark = std::uint64_t;

class prompt_quarantine {
public:
    explicit prompt_quarantine(const core::keyed_hash::key& key, quarantine_rule rule = {})
        : key_(key), rule_(rule) {}

    // What it asks, and not how: who asks, sampling and limits are left out. May be called on any thread: for a long
    // prompt it takes milliseconds.
    [[nodiscard]] prompt_mark content_of(const chat::generation_request& request) const;
    // `tier`: another runtime of the model may well live through it.
    [[nodiscard]] prompt_mark mark_of(prompt_mark content, const std::string& lane, unsigned tier) const;

    // `stand` counts what kept the runtimes of the model from starting that lies outside of them, such as a lost
    // card: what was lost before it changed is not the prompts' doing, and forgotten.
    void note(prompt_mark prompt, const engine::run_loss& loss, std::uint64_t stand, core::steady_time now);
    // Nothing: it did no harm that counts.
    [[nodiscard]] std::optional<prompt_record> find(prompt_mark prompt, std::uint64_t stand,
                                                    core::steady_time now) const;
    // It was answered.
    void pardon(prompt_mark prompt) { known_.erase(prompt); }
    // The runtimes are others now.
    void forget() noexcept { known_.clear(); }
    [[nodiscard]] bool empty() const noexcept { return known_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return known_.size(); }

private:
    struct entry {
        unsigned halves = 0;
        unsigned deaths = 0;
        unsigned hangs = 0;
        std::string last;
        std::uint64_t stand = 0;
        core::steady_time at{};
        core::nanoseconds lasts{0};
    };
    [[nodiscard]] bool is_remembered(const entry& of, core::steady_time now) const {
        const bool deadly = of.halves >= 2 * rule_.deadly_after;
        return now - of.at < (deadly ? of.lasts + rule_.longest : of.lasts);
    }
    void make_room(core::steady_time now);

    core::keyed_hash::key key_;
    quarantine_rule rule_;
    std::unordered_map<prompt_mark, entry> known_;
};

}  // namespace corral::generation
