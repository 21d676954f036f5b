// What of a ready backend outlives one image of this program.

#include <utility>

#include <boost/system/system_error.hpp>

#include "corral/catalog/placement.hpp"
#include "corral/core/say.hpp"
#include "engine/dialects/ax_poll/ax_poll_backend.hpp"
#include "engine/handover_words.hpp"
#include "engine/service_fingerprint.hpp"

namespace corral::engine::ax_poll {

std::string fingerprint_of(const catalog::model_entry& model) {
    const auto services = services_in_principle(model);
    if (!services) {
        return {};
    }
    return service_fingerprint(model, *services);
}

std::optional<backend_handover> ax_poll_backend::hand_over() const {
    const bool tap_busy = places_.tap != nullptr && places_.tap->view().calls_open > 0;
    if (cycle_.busy() || tap_busy) {
        pause_proof();
        yield_ahead();
        return std::nullopt;
    }
    std::optional<backend_handover> out = handed_over(fingerprint_of(model_), places_.ports);
    if (!out) {
        return std::nullopt;
    }
    out->state["positions"] = std::to_string(sizes().positions);
    out->state["prompt_limit"] = std::to_string(sizes().prompt_limit);
    out->state["chunk"] = std::to_string(sizes().chunk);
    out->state["tap_passed_by"] = flag_text(tap_passed_by_);
    if (places_.tap != nullptr) {
        const tokenizer_tap::memory known = places_.tap->remember();
        out->tap = known.listener;
        out->state["tap_in_use"] = flag_text(known.in_use);
        out->state["prompt_uid"] = known.prompt_uid;
        out->state["decode_uid"] = known.decode_uid;
        out->state["prompt_uid_is_new"] = flag_text(known.prompt_uid_is_new);
        out->state["decode_uid_is_shared"] = flag_text(known.decode_uid_is_shared);
    }
    return out;
}

void ax_poll_backend::take_over(const backend_handover& handover) {
    catalog::context_sizes learned;
    learned.positions = number_of(handover.state, "positions");
    learned.prompt_limit = number_of(handover.state, "prompt_limit");
    learned.chunk = number_of(handover.state, "chunk");
    log_.resume(learned);
    tap_passed_by_ = flag_of(handover.state, "tap_passed_by");
    if (places_.tap != nullptr) {
        tokenizer_tap::memory known;
        known.in_use = flag_of(handover.state, "tap_in_use");
        known.prompt_uid = word_of(handover.state, "prompt_uid");
        known.decode_uid = word_of(handover.state, "decode_uid");
        known.prompt_uid_is_new = flag_of(handover.state, "prompt_uid_is_new");
        known.decode_uid_is_shared = flag_of(handover.state, "decode_uid_is_shared");
        places_.tap->recall(known);
    }
    begin_proof();
}

core::result<std::unique_ptr<backend>> adopt_ax_poll(const supervisor::supervisor_context& context,
                                                     const catalog::model_entry& model,
                                                     const backend_handover& handover) {
    auto places = find_places(context, model, &handover);
    if (!places) {
        return places.error();
    }
    try {
        std::unique_ptr<backend> made =
            std::make_unique<ax_poll_backend>(context, model, std::move(*places), &handover);
        return made;
    } catch (const boost::system::system_error& error) {
        return core::failure{error.code(),
                             core::say("runtime.profile/place", catalog::label_of(model), error.what())};
    }
}

}  // namespace corral::engine::ax_poll
