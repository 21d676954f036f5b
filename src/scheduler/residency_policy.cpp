#include "scheduler/residency_policy.hpp"

namespace corral::scheduler {

using engine::availability_state;

residence_order residency_policy::needed_by(std::size_t users, core::steady_time now) {
    users_ = users;
    return settle(now);
}

void residency_policy::granted(std::optional<core::nanoseconds> keep_alive) noexcept {
    if (keep_alive && !pinned_) {
        set_stay(*keep_alive);
        unload_when_idle_ = *keep_alive == core::nanoseconds{0};
    }
}

residence_order residency_policy::load(std::optional<core::nanoseconds> keep_alive, core::steady_time now) {
    if (keep_alive && !pinned_) {
        set_stay(*keep_alive);
    }
    unload_when_idle_ = false;
    expires_.reset();
    // One that broke is tried again when a person asks.
    const bool again =
        stage_ == residence_stage::loaded && seen_ == availability_state::broken && may_load() && !closed_;
    wanted_ = true;
    const residence_order order = settle(now);
    return again ? residence_order::start : order;
}

residence_order residency_policy::unload(core::steady_time now) {
    if (pinned_) {
        return residence_order::none;
    }
    // Of one that is not there nothing is kept; one that is being loaded again for somebody goes after them.
    unload_when_idle_ = stage_ == residence_stage::loaded || users_ > 0;
    wanted_ = false;
    return settle(now);
}

residence_order residency_policy::load_now(std::optional<core::nanoseconds> stay) noexcept {
    if (stage_ != residence_stage::unloaded || !may_load() || closed_) {
        return residence_order::none;
    }
    wanted_ = false;
    set_stay(stay && !pinned_ ? *stay : usual_);
    stage_ = residence_stage::loaded;
    return residence_order::start;
}

residence_order residency_policy::evict(core::steady_time now) {
    if (stage_ != residence_stage::loaded || closed_) {
        return residence_order::none;
    }
    // Those who wait load it again, and it goes after them if somebody asked for that.
    const bool goes = unload_when_idle_ && users_ > 0;
    const residence_order order = leave(now);
    unload_when_idle_ = goes;
    return order;
}

residence_order residency_policy::observed(engine::availability_state state, core::steady_time now) {
    const availability_state before = seen_;
    seen_ = state;
    const bool there = state != availability_state::stopped;
    if (stage_ == residence_stage::unloaded && there && before == availability_state::stopped) {
        stage_ = residence_stage::loaded;
    } else if (stage_ == residence_stage::loaded && !there && before != availability_state::stopped) {
        stage_ = residence_stage::unloaded;  // by somebody else
        stay_ = usual_;
        unload_when_idle_ = false;
    }
    return settle(now);
}

residence_order residency_policy::stopped(bool all, core::steady_time now) {
    if (stage_ != residence_stage::unloading) {
        return residence_order::none;
    }
    stage_ = residence_stage::unloaded;
    // What is left of a failed stop must not be taken for a start by somebody else.
    if (all) {
        seen_ = availability_state::stopped;
    }
    return settle(now);
}

residence_order residency_policy::suspend(bool at_once, core::steady_time now) {
    suspended_ = true;
    if (at_once && stage_ == residence_stage::loaded && !closed_) {
        return leave(now);
    }
    return settle(now);
}

residence_order residency_policy::resume(core::steady_time now) {
    suspended_ = false;
    unload_when_idle_ = false;
    wanted_ = true;
    expires_.reset();
    // Also one that waits for its next try.
    const bool again = stage_ == residence_stage::loaded && seen_ != availability_state::ready && !closed_;
    const residence_order order = settle(now);
    return again ? residence_order::start : order;
}

residence_order residency_policy::admit(core::steady_time now) {
    admitted_ = true;
    return settle(now);
}

residence_order residency_policy::set_rule(core::nanoseconds usual, bool pinned, core::steady_time now) {
    const core::nanoseconds before = usual_;
    usual_ = pinned ? core::nanoseconds::max() : usual;
    if (pinned && !pinned_) {
        unload_when_idle_ = false;
        set_stay(usual_);
    } else if (stay_ == before && usual_ != before) {
        set_stay(usual_);
    }
    pinned_ = pinned;
    return settle(now);
}

void residency_policy::close() noexcept {
    closed_ = true;
    expires_.reset();
}

void residency_policy::set_stay(core::nanoseconds stay) noexcept {
    stay_ = stay;
    expires_.reset();
}

residence_order residency_policy::settle(core::steady_time now) {
    if (closed_) {
        return residence_order::none;
    }
    switch (stage_) {
        case residence_stage::unloading:
            break;
        case residence_stage::unloaded:
            expires_.reset();
            if (may_load() && !needs_memory_ && (users_ > 0 || wanted_)) {
                wanted_ = false;
                stage_ = residence_stage::loaded;
                return residence_order::start;
            }
            unload_when_idle_ = unload_when_idle_ && users_ > 0;  // nobody is left whom it was to go after
            break;
        case residence_stage::loaded:
            wanted_ = false;
            return settle_loaded(now);
    }
    return residence_order::none;
}

residence_order residency_policy::settle_loaded(core::steady_time now) {
    const bool ready = seen_ == availability_state::ready;
    const bool goes = unload_when_idle_ || suspended_;  // no request's word keeps a suspended one
    if (users_ > 0 || (!ready && !goes)) {
        expires_.reset();
        return residence_order::none;
    }
    if (!goes && !expires_) {
        const core::deadline end = core::deadline::after(stay_, now);
        if (end.reachable()) {
            expires_ = end.at();
        }
    }
    if (!goes && !(expires_ && now >= *expires_)) {
        return residence_order::none;
    }
    return leave(now);
}

// The next load begins with the usual stay.
residence_order residency_policy::leave(core::steady_time now) {
    stage_ = residence_stage::unloading;
    unload_began_ = now;
    stay_ = usual_;
    unload_when_idle_ = false;
    expires_.reset();
    return residence_order::stop;
}

}  // namespace corral::scheduler
