#include "share_turns.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "corral/core/result.hpp"

namespace corral::http {

bool share_turns::passes() {
    const core::steady_time now = std::chrono::steady_clock::now();
    const bool free = waiting_.empty() && !taken_ && pace_.next(now) <= now;
    if (free) {
        take(now);
    }
    return free;
}

core::awaitable<void> share_turns::wait(std::string share, core::asio::steady_timer& wake, entry where) {
    const auto self = shared_from_this();
    if (passes()) {
        co_return;
    }
    waiter one{&wake};
    line& own = waiting_[share];
    own.insert(where == entry::before ? own.begin() : own.end(), &one);
    arm();
    wake.expires_at(core::steady_time::max());
    co_await wake.async_wait(core::as_result);
    if (!one.called) {
        leave(share, &one);
    }
}

void share_turns::take(core::steady_time now) {
    pace_.take(now);
    taken_ = how_ == spacing::by_round;
    arm();
}

// Costs as much as the line is long, so it is for those who give up; one that was called has left already.
void share_turns::leave(const std::string& share, waiter* one) {
    const auto found = waiting_.find(share);
    if (found == waiting_.end()) {
        return;
    }
    found->second.remove(one);
    if (found->second.empty()) {
        waiting_.erase(found);
    }
}

void share_turns::arm() {
    if (armed_ || (waiting_.empty() && !taken_)) {
        return;
    }
    armed_ = true;
    auto next = [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->next_round();
        }
    };
    if (how_ == spacing::by_round) {
        core::asio::post(timer_.get_executor(), std::move(next));  // behind all that is ready
        return;
    }
    timer_.expires_at(pace_.next(std::chrono::steady_clock::now()));
    timer_.async_wait([next = std::move(next)](const core::error_code&) { next(); });
}

void share_turns::next_round() {
    armed_ = false;
    taken_ = false;
    call_next();
    arm();
}

void share_turns::call_next() {
    auto next = waiting_.upper_bound(last_);
    if (next == waiting_.end()) {
        next = waiting_.begin();
    }
    if (next == waiting_.end()) {
        return;
    }
    waiter* const one = next->second.front();
    next->second.pop_front();
    last_ = next->first;
    if (next->second.empty()) {
        waiting_.erase(next);
    }
    take(std::chrono::steady_clock::now());
    one->called = true;
    one->wake->cancel();
}

}  // namespace corral::http
