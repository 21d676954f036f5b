#include "engine/dialects/ollama_remote/remote_health.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::engine::ollama_remote {

void remote_health::begin() {
    if (!wanted_) {
        is_ = found::nothing;
        in_a_row_ = 0;
        outlier_ = outlier_policy(rule_.outlier);
    }
    wanted_ = true;
}

void remote_health::probed(bool good, core::reason why) {
    const found said = good ? found::up : found::down;
    if (!good) {
        why_ = std::move(why);
    }
    in_a_row_ = said == is_ ? 0 : in_a_row_ + 1;
    const bool at_once = is_ == found::nothing || (good && !rule_.outlier.ejects);
    const unsigned enough = at_once ? 1 : good ? rule_.good : rule_.bad;
    if (in_a_row_ >= enough) {
        is_ = said;
        in_a_row_ = 0;
    }
}

void remote_health::failed(core::reason why, core::steady_time now, std::string_view request) {
    last_failure_ = std::move(why);
    outlier_.failed(now, request);
}

void remote_health::missed(core::reason why) {
    if (rule_.outlier.ejects) {
        is_ = found::down;
        in_a_row_ = 0;
        why_ = std::move(why);
    }
}

availability remote_health::now(core::steady_time when) const {
    availability out;
    if (!wanted_) {
        return out;
    }
    if (is_ == found::nothing) {
        out.state = availability_state::loading;
        out.reason = core::say("model.remote-away/unasked");
    } else if (is_ == found::down) {
        out.state = availability_state::broken;
        out.reason = core::say("model.remote-away", why_);
        out.next_try = when + rule_.interval;
    } else if (outlier_.ejected(when)) {
        const auto left = std::chrono::ceil<core::seconds>(*outlier_.until() - when);
        out.state = availability_state::broken;
        out.next_try = outlier_.until();
        out.reason = core::say("model.remote-away/outlier", last_failure_, left.count());
    } else {
        out.state = availability_state::ready;
    }
    return out;
}

core::nanoseconds remote_health::pause(core::steady_time when) const noexcept {
    if (!outlier_.ejected(when)) {
        return rule_.interval;
    }
    const core::nanoseconds left = *outlier_.until() - when;
    return std::clamp<core::nanoseconds>(left, core::milliseconds{1}, rule_.interval);
}

}  // namespace corral::engine::ollama_remote
