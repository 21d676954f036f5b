// What a streaming server may use of the prompts that it has computed, and what is known of it.

#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/streaming/stream_backend.hpp"

namespace corral::engine::streaming {

void stream_backend::look_at_process() {
    if (std::exchange(prefixes_of_, runtime_.starts) != runtime_.starts) {
        prefixes_.forget();
        unsalted_ = {};
    }
}

bool stream_backend::goes_unsalted(const std::string& owner) {
    look_at_process();
    if (!unsalted_.refused()) {
        telemetry::warn(core::say("runtime.cache-salt-refused/unsalted", catalog::label_of(model_)));
    }
    unsalted_.refuse();
    return unsalted_.take(owner, model_.reuse_across_keys);
}

std::optional<prefix_places::choice> stream_backend::place_of(run_spec& spec) {
    look_at_process();
    const bool off = model_.reuse == catalog::reuse_policy::off;
    spec.cache_salt = off ? salts_.once() : salts_.of(share_of(spec.owner));
    if (spec.cache_salt.empty()) {
        unsalted_.note(spec.owner);
    } else if (unsalted_.refused() && unsalted_.take(spec.owner, model_.reuse_across_keys)) {
        spec.cache_salt.clear();
    }
    if (off) {
        spec.computes_all = true;
        return std::nullopt;
    }
    const auto place = prefixes_.take(prefix_text(spec.prompt), share_of(spec.owner));
    if (place) {
        spec.slot = place->slot;
        spec.computes_all = place->computes_all;
    }
    return place;
}

std::size_t stream_backend::held_bytes(const chat::rendered_prompt& prompt,
                                       std::string_view owner) const noexcept {
    const bool off = model_.reuse == catalog::reuse_policy::off;
    if (off || reuse_.state.empty() || prefixes_of_ != runtime_.starts) {
        return 0;
    }
    return prefixes_.held(prefix_text(prompt), share_of(owner));
}

reuse_report stream_backend::reuse() const {
    reuse_report out = reuse_;
    if (out.state.empty() || model_.reuse != catalog::reuse_policy::off) {
        return out;
    }
    if (model_.runtime.traits.prefix_cache == catalog::prefix_cache::automatic) {
        out.why = core::say("model.reuse-off/no-way");
    } else {
        out.state = "off";
        out.why = core::say("model.reuse-off/off");
    }
    return out;
}

}  // namespace corral::engine::streaming
