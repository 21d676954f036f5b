#include "engine/dialects/ax_poll/beginning_policy.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/dialects/ax_poll/cache_ledger.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"

namespace corral::engine::ax_poll {

namespace {

// Ids of a prompt with that beginning that the cache of now serves: it must begin with all that is held.
std::size_t served_by_cache(const token_ids& beginning, const token_ids* held, bool conversation) {
    const bool serves =
        held != nullptr && (begins_with(beginning, *held) || (conversation && begins_with(*held, beginning)));
    return serves ? std::min(held->size(), beginning.size()) : 0;
}

}  // namespace

token_ids best_beginning(const ahead_policy& seen, beginnings of, const catalog::context_sizes& sizes,
                         const reading_time& reading_of) {
    const std::size_t most = most_system_tokens(sizes);
    of.of_conversation.resize(std::min(of.of_conversation.size(), most));
    of.shared.resize(std::min(of.shared.size(), most));
    const auto spared_by = [&](bool conversation, std::size_t tokens) {
        return tokens > 0 ? seen.odds(conversation) * core::as_seconds(reading_of(tokens)) : 0.0;
    };
    // What the cache of now spares; it goes with whatever is computed.
    const std::size_t kept_of_conversation = served_by_cache(of.of_conversation, of.held, true);
    const std::size_t kept_of_shared = served_by_cache(of.shared, of.held, false);
    const double kept = std::max(spared_by(true, kept_of_conversation), spared_by(false, kept_of_shared));
    // Whoever goes on loses nothing: a further turn that the cache serves whole is worth more than another try of the last.
    const bool held_whole =
        kept_of_conversation > 0 && of.of_conversation.size() < kept_of_conversation + sizes.chunk;
    if (held_whole && seen.likely(true)) {
        return {};
    }
    token_ids best;
    double gained = 0.0;
    for (const bool conversation : {true, false}) {
        token_ids& ids = conversation ? of.of_conversation : of.shared;
        const std::size_t there = conversation ? kept_of_conversation : kept_of_shared;
        const double odds = seen.odds(conversation);
        if (ids.size() < there + sizes.chunk || ids.size() < 2 || odds <= 0.0) {
            continue;
        }
        const double gain = spared_by(conversation, ids.size()) - kept;
        const core::nanoseconds saves{std::llround(gain / odds * 1e9)};
        if (gain > gained && seen.pays(conversation, reading_of(ids.size()), saves)) {
            gained = gain;
            best = std::move(ids);
        }
    }
    return best;
}

}  // namespace corral::engine::ax_poll
