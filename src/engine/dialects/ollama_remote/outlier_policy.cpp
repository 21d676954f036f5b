#include "engine/dialects/ollama_remote/outlier_policy.hpp"

#include <algorithm>
#include <utility>

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

}  // namespace corral::engine::ollama_remote
