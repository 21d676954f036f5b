#include "handshake_turns.hpp"

#include <algorithm>

namespace corral::http {

core::awaitable<void> handshake_turns::wait(std::string share, core::asio::steady_timer& wake) {
    const auto self = shared_from_this();
    const core::steady_time now = std::chrono::steady_clock::now();
    if (waiting_.empty() && pace_.next(now) <= now) {
        pace_.take(now);
        co_return;
    }
    waiting_[share].push_back(&wake);
    arm();
    wake.expires_at(core::steady_time::max());
    co_await wake.async_wait(core::as_result);
    leave(share, &wake);
}

// One that was called has left already.
void handshake_turns::leave(const std::string& share, core::asio::steady_timer* wake) {
    const auto found = waiting_.find(share);
    if (found == waiting_.end()) {
        return;
    }
    found->second.remove(wake);
    if (found->second.empty()) {
        waiting_.erase(found);
    }
}

void handshake_turns::arm() {
    if (armed_ || waiting_.empty()) {
        return;
    }
    armed_ = true;
    timer_.expires_at(pace_.next(std::chrono::steady_clock::now()));
    timer_.async_wait([weak = weak_from_this()](const core::error_code&) {
        if (const auto self = weak.lock()) {
            self->armed_ = false;
            self->call_next();
            self->arm();
        }
    });
}

void handshake_turns::call_next() {
    auto next = waiting_.upper_bound(last_);
    if (next == waiting_.end()) {
        next = waiting_.begin();
    }
    if (next == waiting_.end()) {
        return;
    }
    core::asio::steady_timer* const wake = next->second.front();
    next->second.pop_front();
    last_ = next->first;
    if (next->second.empty()) {
        waiting_.erase(next);
    }
    pace_.take(std::chrono::steady_clock::now());
    wake->cancel();
}

}  // namespace corral::http
