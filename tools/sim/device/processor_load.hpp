#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "fault_switches.hpp"

// The silent fallback to the processor: threads that really compute for as long as this lives.
namespace corral::sim {

class processor_load {
public:
    explicit processor_load(const fault_switches& faults) {
        if (!faults.active("cpu_fallback")) return;
        const int threads = faults.active_faults()["cpu_fallback"]["args"].value("threads", 2);
        for (int i = 0; i < threads && i < most_threads; ++i) threads_.emplace_back([this] { compute(); });
    }
    processor_load(const processor_load&) = delete;
    processor_load& operator=(const processor_load&) = delete;
    ~processor_load() {
        done_ = true;
        for (auto& thread : threads_) thread.join();
    }

private:
    static constexpr int most_threads = 64;

    void compute() const {
        volatile unsigned sum = 1;
        while (!done_.load(std::memory_order_relaxed))
            for (int i = 0; i < 10'000; ++i) sum = sum * 1664525U + 1013904223U;
    }

    std::atomic<bool> done_{false};
    std::vector<std::thread> threads_;
};

}  // namespace corral::sim
