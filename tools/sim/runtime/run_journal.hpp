#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

// What the tests and benchmarks want to know about runs: records and time stamps. Bounded rings.
namespace corral::sim {

// CLOCK_MONOTONIC in nanoseconds, comparable between processes of one machine.
std::int64_t monotonic_ns();

class run_journal {
public:
    void stamp(const char* what, int run = 0, int tokens = 0, const std::string& text = {});
    nlohmann::json events_since(std::int64_t seq) const;

    int next_run_id();
    void add_run(nlohmann::json record);
    nlohmann::json runs_since(int id) const;
    int run_count() const;

private:
    struct event {
        std::int64_t seq;
        std::int64_t ns;
        const char* what;
        int run;
        int tokens;
        std::string text;
    };

    mutable std::mutex mutex_;
    std::deque<event> events_;
    std::deque<nlohmann::json> runs_;
    std::int64_t last_seq_ = 0;
    int last_run_ = 0;
};

}  // namespace corral::sim
