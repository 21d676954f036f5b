#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace corral::sim {

// The worker thread with its queue of closures. A job is not yet running when submit returns: a poll in
// between sees `done:true`.
class job_worker {
public:
    job_worker() : thread_([this] { work(); }) {}

    void submit(std::function<void()> job) {
        {
            const std::lock_guard lock(mutex_);
            jobs_.push_back(std::move(job));
        }
        wake_.notify_one();
    }
    // Jobs that have not ended, the one that was taken from the queue included.
    std::size_t unfinished() const {
        const std::lock_guard lock(mutex_);
        return jobs_.size() + (at_work_ ? 1 : 0);
    }
    // Runs what is queued to its end, then ends the thread.
    void finish() {
        {
            const std::lock_guard lock(mutex_);
            finishing_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }

private:
    void work() {
        for (;;) {
            std::function<void()> job;
            {
                std::unique_lock lock(mutex_);
                wake_.wait(lock, [this] { return finishing_ || !jobs_.empty(); });
                if (jobs_.empty()) return;
                job = std::move(jobs_.front());
                jobs_.pop_front();
                at_work_ = true;
            }
            job();
            const std::lock_guard lock(mutex_);
            at_work_ = false;
        }
    }

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    bool at_work_ = false;
    bool finishing_ = false;
    std::thread thread_;
};

}  // namespace corral::sim
