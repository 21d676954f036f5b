#include "engine/dialects/ollama_remote/remote_health.hpp"

#include <algorithm>
#include <utility>

namespace corral::engine::ollama_remote {

void remote_health::begin() {
    if (!wanted_) {
        is_ = found::nothing;
        in_a_row_ = 0;
        outlier_ = outlier_policy(rule_.outlier);
    }
    wanted_ = true;
}

void remote_health::probed(bool good, std::string why) {
    const found said = good ? found::up : found::down;
    if (!good) {
        why_ = std::move(why);
    }
    in_a_row_ = said == is_ ? 0 : in_a_row_ + 1;
    const unsigned enough = is_ == found::nothing ? 1 : good ? rule_.good : rule_.bad;
    if (in_a_row_ >= enough) {
        is_ = said;
        in_a_row_ = 0;
    }
}

void remote_health::failed(std::string why, core::steady_time now, std::string_view request) {
    last_failure_ = std::move(why);
    outlier_.failed(now, request);
}

availability remote_health::now(core::steady_time when) const {
    availability out;
    if (!wanted_) {
        return out;
    }
    if (is_ == found::nothing) {
        out.state = availability_state::loading;
        out.reason = "The remote server has not been asked yet.";
    } else if (is_ == found::down) {
        out.state = availability_state::broken;
        out.reason = "The remote server does not serve: " + why_ + ".";
        out.next_try = when + rule_.interval;
    } else if (outlier_.ejected(when)) {
        const auto left = std::chrono::ceil<core::seconds>(*outlier_.until() - when);
        out.state = availability_state::broken;
        out.next_try = outlier_.until();
        out.reason = "Requests failed at the remote server (" + last_failure_ + "), so it gets none for " +
                     std::to_string(left.count()) + " s.";
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
