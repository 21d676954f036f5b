#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "fault_switches.hpp"

namespace corral::sim {

// The flag behind GET /api/stop; a waiting device step ends within the step.
class stop_flag {
public:
    void request() {
        {
            const std::lock_guard lock(mutex_);
            requested_ = true;
        }
        wake_.notify_all();
    }
    void forget() { requested_ = false; }
    bool requested() const { return requested_; }
    // True when the whole time passed without a stop.
    bool sleep(std::chrono::nanoseconds time) {
        std::unique_lock lock(mutex_);
        return !wake_.wait_for(lock, time, [this] { return requested_.load(); });
    }

private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::atomic<bool> requested_{false};
};

// The accelerator: takes time, hangs and fails on demand.
class npu {
public:
    npu(fault_switches& faults, int layers) : faults_(faults), layers_(layers) {}

    struct step {
        int layers = 0;        // that were computed: the stop is read at the head of each
        bool stopped = false;  // before its time was over, perhaps in its last layer
        bool failed = false;   // by the device
    };
    // Works for `ms` (device time of one step in this phase). With a stop flag, a stop ends it early, after the
    // layer at work; one that had come before, before the first. `count` is the step's number within its run.
    step work(double ms, const char* phase, int count, stop_flag* stop);
    // How many calls of this step fail.
    int failing_calls(const char* phase, int count) const;
    // A step blocks in it.
    bool hangs() const { return hangs_; }

private:
    bool complain(const char* phase, int count);

    fault_switches& faults_;
    int layers_;
    std::atomic<bool> hangs_{false};
};

}  // namespace corral::sim
