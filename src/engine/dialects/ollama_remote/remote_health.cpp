#include "engine/dialects/ollama_remote/remote_health.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::engine::ollama_remote {

namespace {

constexpr std::size_t most_kept = 1000;

}  // namespace

void outlier_policy::note(outcome how) {
    const core::steady_time now = how.at;
    recent_.push_back(std::move(how));
    while (recent_.size() > most_kept || now - recent_.front().at > rule_.window) {
        recent_.pop_front();
    }
}

void outlier_policy::succeeded(core::steady_time now) {
    in_a_row_ = 0;
    note({now, true});
}

bool outlier_policy::failed(core::steady_time now, std::string_view request) {
    const bool again = !request.empty() && std::ranges::any_of(recent_, [&](const outcome& one) {
        return !one.good && one.request == request;
    });
    if (again) {
        return false;
    }
    ++in_a_row_;
    note({now, false, std::string(request)});
    if (!rule_.ejects || ejected(now) || (in_a_row_ < rule_.consecutive && !too_many())) {
        return false;
    }
    ejections_ = ejections(now) + 1;
    const core::nanoseconds span = std::min(rule_.base * ejections_, rule_.longest);
    until_ = now + std::chrono::duration_cast<core::steady_time::duration>(span);
    // What led to it is paid for.
    in_a_row_ = 0;
    recent_.clear();
    return true;
}

bool outlier_policy::too_many() const noexcept {
    if (recent_.size() < rule_.least_requests) {
        return false;
    }
    const auto bad =
        std::count_if(recent_.begin(), recent_.end(), [](const outcome& one) { return !one.good; });
    return static_cast<double>(bad) >= rule_.failure_share * static_cast<double>(recent_.size());
}

bool outlier_policy::ejected(core::steady_time now) const noexcept {
    return until_ && now < *until_;
}

unsigned outlier_policy::ejections(core::steady_time now) const noexcept {
    if (!until_ || now < *until_ || rule_.base <= core::nanoseconds{0}) {
        return ejections_;
    }
    const auto forgotten = (now - *until_) / rule_.base;
    return forgotten >= ejections_ ? 0 : ejections_ - static_cast<unsigned>(forgotten);
}

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
