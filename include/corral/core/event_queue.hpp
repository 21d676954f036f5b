#pragma once
// Run to completion: what is posted while an event is handled waits until that one is done, so that a machine
// never sees an event in the middle of another, whoever calls back into it.

#include <cstddef>
#include <deque>
#include <functional>
#include <stdexcept>
#include <utility>

namespace corral::core {

// Not thread safe: all calls on one thread.
template <typename Event>
class event_queue {
public:
    // `most` bounds what waits while one event is handled: more means that the handler feeds itself for ever.
    explicit event_queue(std::function<void(Event)> handle, std::size_t most = 10'000)
        : handle_(std::move(handle)), most_(most) {}
    event_queue(const event_queue&) = delete;
    event_queue& operator=(const event_queue&) = delete;

    // Handles `what`, and all that is posted meanwhile, in order, before it returns; inside the handler it
    // only takes a place in the queue. An exception of the handler goes to the outermost caller, and what
    // waited then is handled by the next post(). REQUIRES: the handler does not destroy the queue.
    void post(Event what) {
        if (waiting_.size() >= most_) {
            throw std::length_error("an event queue feeds itself without end");
        }
        waiting_.push_back(std::move(what));
        if (handling_) {
            return;
        }
        struct flag {
            explicit flag(bool& which) noexcept : set(which) { set = true; }
            flag(const flag&) = delete;
            flag& operator=(const flag&) = delete;
            ~flag() { set = false; }
            bool& set;
        } const now_handling(handling_);
        while (!waiting_.empty()) {
            Event next = std::move(waiting_.front());
            waiting_.pop_front();
            handle_(std::move(next));
        }
    }

    [[nodiscard]] bool handling() const noexcept { return handling_; }

private:
    std::function<void(Event)> handle_;
    std::size_t most_;
    std::deque<Event> waiting_;
    bool handling_ = false;
};

}  // namespace corral::core
