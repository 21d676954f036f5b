// What the backend takes of its cards, and what of its entry may change while its processes live.

#include "engine/device_claims.hpp"
#include "engine/dialects/ax_poll/ax_poll_backend.hpp"

namespace corral::engine::ax_poll {

std::uint64_t ax_poll_backend::measured_mb() const {
    const std::uint64_t now = measured_by(places_.gates);
    return now != 0 ? now : measured_before_;
}

device_claim ax_poll_backend::claim() const {
    return claim_of(model_, measured_mb());
}

bool ax_poll_backend::renew(const catalog::model_entry& as) {
    if (as.cards != model_.cards) {
        return false;
    }
    model_ = as;
    return true;
}

}  // namespace corral::engine::ax_poll
