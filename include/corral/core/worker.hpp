#pragma once
// A thread for what would hold the loop and must not be cut short: large requests, files that have to be whole.

#include <functional>
#include <optional>

#include <boost/asio/thread_pool.hpp>

#include "corral/core/async.hpp"

namespace corral::core {

class worker {
public:
    // `niceness` (0 to 19) is added to ours: the loop goes first where both want a processor.
    explicit worker(int niceness = 0) : niceness_(niceness) {}
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    // Waits for the work that goes on. REQUIRES: that ends by itself; the coroutines that wait still exist.
    ~worker();

    // Runs `work`, one at a time and in order. No cancellation cuts the wait short, so `work` may use what the waiting
    // coroutine owns; an exception comes out here. False: no thread is to be had now, and nothing was done.
    [[nodiscard]] awaitable<bool> run(std::function<void()> work);

private:
    [[nodiscard]] bool start_thread();

    int niceness_;
    std::optional<asio::thread_pool> pool_;  // one thread, started with the first work
};

}  // namespace corral::core
