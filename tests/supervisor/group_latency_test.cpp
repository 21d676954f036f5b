// How soon after the end of a process its successor is launched.

#include <csignal>

#include <algorithm>
#include <iostream>

#include "supervisor/group_fixture.hpp"

namespace corral::supervisor {
namespace {

constexpr int kills = 60;

// From the moment that the end was seen to the moment that the next process was there.
class stopwatch : public group_observer {
public:
    void on_output(std::string_view, process::output_stream, std::string_view) override {}
    void on_status(const service_status& now) override {
        if (now.state == service_state::stopping) {
            seen_ = now.since;
        } else if (now.state == service_state::starting && now.pid != 0 && seen_ != core::steady_time{}) {
            took.push_back(std::chrono::steady_clock::now() - seen_);
            seen_ = {};
        }
    }
    std::vector<core::nanoseconds> took;

private:
    core::steady_time seen_{};
};

TEST_F(group_fixture, the_next_process_is_launched_at_once) {
    add("runtime");
    wanted.restart.intensity = 1000;
    wanted.restart.healthy_after = milliseconds{1};  // so that no failure counts as one of several
    stopwatch watch;
    start();
    made->add_observer(&watch);
    for (int i = 0; i < kills; ++i) {
        ASSERT_EQ(wait_ready(), "");
        const pid_t before = status().pid;
        run_until([&] { return std::chrono::steady_clock::now() - status().since > milliseconds{2}; });
        ASSERT_EQ(::kill(before, SIGKILL), 0);
        ASSERT_TRUE(run_until([&] { return status().pid != 0 && status().pid != before; }));
    }
    ASSERT_TRUE(run_until([&] { return watch.took.size() >= kills; })) << watch.took.size();
    made->remove_observer(&watch);
    std::sort(watch.took.begin(), watch.took.end());
    const auto at = [&](std::size_t percent) {
        const std::size_t place = std::min(watch.took.size() * percent / 100, watch.took.size() - 1);
        return std::chrono::duration<double, std::milli>(watch.took[place]).count();
    };
    std::cout << "exit seen to next process launched, " << kills << " kills: p50 " << at(50) << " ms, p99 "
              << at(99) << " ms\n";
    // The goal is 20 ms on a free machine; here others may have the processor.
    EXPECT_LT(at(50), 200.0);
    EXPECT_TRUE(stop());
}

}  // namespace
}  // namespace corral::supervisor
