#pragma once
// A thread for what would hold the loop and must not be cut short: large requests, files that have to be whole.

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

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

    // Runs `work`, one at a time; that of one `lane` in order, and lanes take turns, so that a client alone is next but
    // one. No cancellation cuts the wait short, so `work` may use what the waiting coroutine owns; an exception comes
    // out here. False: no thread is to be had now, and nothing was done.
    [[nodiscard]] awaitable<bool> run(std::function<void()> work, std::string lane);
    [[nodiscard]] awaitable<bool> run(std::function<void()> work) {
        return run(std::move(work), std::string());
    }

private:
    using job = std::function<void()>;
    [[nodiscard]] bool start_thread();
    void add(std::string lane, job what);
    [[nodiscard]] job next();

    int niceness_;
    std::mutex guard_;  // of what waits
    std::map<std::string, std::deque<job>> lanes_;
    std::string last_;                       // the lane that had the last turn
    std::optional<asio::thread_pool> pool_;  // one thread, started with the first work
};

// `work` on a thread of `elsewhere`; here and now where that is absent or has none.
[[nodiscard]] awaitable<void> run_on(worker* elsewhere, std::function<void()> work, std::string lane = {});

}  // namespace corral::core
