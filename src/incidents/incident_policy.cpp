#include "corral/incidents/incident_policy.hpp"

#include <algorithm>

#include "corral/supervisor/group.hpp"

namespace corral::incidents {

using supervisor::service_state;
using supervisor::trouble;

bool incident_watch::note(const supervisor::transition_record& record) {
    if (record.failure == trouble::none) {
        if (record.to != service_state::stopping) {
            ending_.erase(record.service);
        }
        return false;
    }
    const bool begins = !open_;
    if (begins) {
        open_.emplace();
        open_->kind = record.failure;
        open_->first = record;
    } else if (open_->further.size() < most_further) {
        open_->further.push_back(record);
    }
    ++open_->troubles;
    if (record.failure == trouble::breaker) {
        open_->kind = trouble::breaker;
    }
    if (record.to == service_state::stopping) {
        ending_.insert(record.service);
    } else {
        ending_.erase(record.service);
    }
    last_ = record.at;
    return begins;
}

std::optional<core::steady_time> incident_watch::due() const {
    if (!open_) {
        return std::nullopt;
    }
    const core::steady_time latest = open_->first.at + longest;
    return ending_.empty() ? std::min(last_ + quiet, latest) : latest;
}

std::optional<incident> incident_watch::take() {
    ending_.clear();
    return std::exchange(open_, std::nullopt);
}

bool incident_ration::is_repeated(const std::string& model, const incident& what,
                                  core::steady_time now) const {
    const auto known = never_ready_.find({model, what.first.service});
    if (known == never_ready_.end()) {
        return false;
    }
    const auto same = known->second.find(what.kind);
    return same != known->second.end() && now - same->second < same_again;
}

bool incident_ration::grant(const std::string& model, const incident& what, core::steady_time now) {
    while (!granted_.empty() && now - granted_.front() >= std::chrono::minutes{1}) {
        granted_.pop_front();
    }
    if (granted_.size() >= most_a_minute || is_repeated(model, what, now)) {
        ++refused_;
        return false;
    }
    granted_.push_back(now);
    if (what.kind == trouble::failed_start || what.kind == trouble::breaker) {
        never_ready_[{model, what.first.service}][what.kind] = now;
    }
    return true;
}

void incident_ration::on_ready(const std::string& model, const std::string& service) {
    never_ready_.erase({model, service});
}

}  // namespace corral::incidents
