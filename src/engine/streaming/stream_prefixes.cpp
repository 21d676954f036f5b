// Where a streaming server computes a prompt, by what it holds of those before.

#include <utility>

#include "engine/streaming/stream_backend.hpp"

namespace corral::engine::streaming {

std::optional<prefix_places::choice> stream_backend::place_of(run_spec& what) {
    if (std::exchange(prefixes_of_, runtime_.starts) != runtime_.starts) {
        prefixes_.forget();
    }
    const auto place = prefixes_.take(prefix_text(what.prompt), share_of(what.owner));
    if (place) {
        what.slot = place->slot;
        what.computes_all = place->computes_all;
    }
    return place;
}

std::size_t stream_backend::held_bytes(const chat::rendered_prompt& prompt,
                                       std::string_view owner) const noexcept {
    if (reuse_.state.empty() || prefixes_of_ != runtime_.starts) {
        return 0;
    }
    return prefixes_.held(prefix_text(prompt), share_of(owner));
}

}  // namespace corral::engine::streaming
