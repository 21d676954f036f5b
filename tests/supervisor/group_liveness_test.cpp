// A service that is ready, idle and silent is found and replaced; a slow or busy one is left alone.

#include <algorithm>
#include <csignal>
#include <iostream>

#include "supervisor/group_fixture.hpp"

namespace corral::supervisor {
namespace {

class group_liveness : public group_fixture {
protected:
    service_spec& add_watched(std::vector<std::string> arguments = {}) {
        service_spec& spec = add("runtime", std::move(arguments));
        spec.rules.liveness.interval = milliseconds{100};
        spec.rules.liveness.probe.timeout = milliseconds{700};
        spec.rules.liveness.failures = 2;
        return spec;
    }
    // As long as a hung one would need to be found, and more.
    void let_it_be_asked() {
        const auto until = std::chrono::steady_clock::now() + seconds{5};
        run_until([&] { return std::chrono::steady_clock::now() > until; });
    }
};

TEST_F(group_liveness, a_stopped_process_is_found_and_replaced) {
    add_watched();
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t before = status().pid;
    ASSERT_EQ(::kill(before, SIGSTOP), 0);
    EXPECT_TRUE(run_until([&] { return status().state == service_state::ready && status().pid != before; }));
    EXPECT_FALSE(process_lives(before));
    bool told = false;
    for (const std::string& line : heard.history) {
        told = told || line == "runtime stopping";
    }
    EXPECT_TRUE(told) << heard.told();
    EXPECT_TRUE(stop());
}

TEST_F(group_liveness, one_that_answers_with_another_status_is_replaced) {
    // Readiness asks nothing of the status, so it becomes ready.
    auto& spec = add_watched({"--status", "503"});
    spec.rules.probe.status = 0;
    spec.rules.liveness.probe.status = 200;
    wanted.restart.intensity = 1;
    start();
    EXPECT_TRUE(reaches(service_state::broken));
    EXPECT_NE(status().reason.text().find("status 503"), std::string::npos) << status().reason;
}

TEST_F(group_liveness, one_that_something_else_is_inside_is_not_asked) {
    bool busy = true;
    add_watched().busy = [&busy] { return busy; };
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t before = status().pid;
    ASSERT_EQ(::kill(before, SIGSTOP), 0);
    let_it_be_asked();
    EXPECT_EQ(status().pid, before);
    EXPECT_EQ(status().state, service_state::ready);
    busy = false;
    EXPECT_TRUE(run_until([&] { return status().state == service_state::ready && status().pid != before; }));
    EXPECT_TRUE(stop());
}

TEST_F(group_liveness, a_short_stop_is_only_slow) {
    auto& spec = add_watched();
    spec.rules.liveness.probe.timeout = milliseconds{4000};
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t before = status().pid;
    ASSERT_EQ(::kill(before, SIGSTOP), 0);
    const auto until = std::chrono::steady_clock::now() + milliseconds{1500};
    run_until([&] { return std::chrono::steady_clock::now() > until; });
    ASSERT_EQ(::kill(before, SIGCONT), 0);
    let_it_be_asked();
    EXPECT_EQ(status().pid, before);
    EXPECT_TRUE(stop());
}

// How soon after the end of a process its successor is launched.
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
