#include <boost/asio/post.hpp>

#include "supervisor/group_fixture.hpp"

namespace corral::supervisor {
namespace {

using group_stop = group_fixture;

core::awaitable<void> note(std::string* order, std::string what) {
    *order += what + "; ";
    co_return;
}

core::awaitable<void> never(core::wake_signal* bell) {
    const core::deadline forever;
    co_await bell->wait(forever);
}

core::awaitable<core::result<void>> never_tested(core::wake_signal* bell) {
    const core::deadline forever;
    co_await bell->wait(forever);
    co_return core::make_failure(core::errc::cancelled, core::reason::unlisted("cancelled"));
}

TEST_F(group_stop, the_last_goes_first_and_nothing_is_left) {
    add("tokenizer");
    add("runtime");
    start();
    ASSERT_EQ(wait_ready(), "");
    const std::vector<pid_t> pids{status(0).pid, status(1).pid};
    heard.history.clear();
    EXPECT_TRUE(stop());
    for (const pid_t pid : pids) {
        EXPECT_FALSE(process_lives(pid));
    }
    EXPECT_TRUE(run_until([this] { return tasks.empty(); })) << "no task, so no timer";
    EXPECT_EQ(heard.told(), "runtime stopping; runtime stopped; tokenizer stopping; tokenizer stopped; ");
    EXPECT_FALSE(made->ready());
}

TEST_F(group_stop, comes_to_rest_before_the_first_signal) {
    std::string order;
    auto& service = add("runtime");
    service.quiesce = [&order](core::deadline) { return note(&order, "quiesce"); };
    start();
    ASSERT_EQ(wait_ready(), "");
    EXPECT_TRUE(stop());
    EXPECT_EQ(order, "quiesce; ");
}

TEST_F(group_stop, a_rest_that_never_comes_is_not_waited_for_beyond_its_time) {
    core::wake_signal bell(io.get_executor());
    add("runtime").quiesce = [&bell](core::deadline) { return never(&bell); };
    start();
    ASSERT_EQ(wait_ready(), "");
    EXPECT_TRUE(stop());
    EXPECT_TRUE(run_until([this] { return tasks.empty(); })) << "the hook is not left behind";
}

TEST_F(group_stop, who_ignores_the_signals_meets_the_last_resort) {
    auto& service = add("runtime", {"--ignore", "SIGINT,SIGTERM"});
    service.rules.stop_ready = {{SIGINT, catalog::signal_target::leader, milliseconds{100}},
                                {SIGTERM, catalog::signal_target::group, milliseconds{100}}};
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t pid = status().pid;
    EXPECT_TRUE(stop());
    EXPECT_FALSE(process_lives(pid));
}

TEST_F(group_stop, a_loading_service_goes_by_the_ladder_of_loading) {
    auto& service = add("runtime", {"--ignore", "SIGTERM,SIGINT", "--delay", "60"});
    service.rules.stop_ready = {{SIGTERM, catalog::signal_target::leader, milliseconds{600'000}}};
    start();
    ASSERT_TRUE(run_until([this] { return status().pid != 0; }));
    EXPECT_TRUE(stop());
}

TEST_F(group_stop, the_callers_deadline_is_kept_by_killing) {
    auto& service = add("runtime", {"--ignore", "SIGTERM"});
    service.rules.stop_ready = {{SIGTERM, catalog::signal_target::leader, milliseconds{600'000}}};
    add("helper", {"--ignore", "SIGTERM"}).rules.stop_ready = service.rules.stop_ready;
    start();
    ASSERT_EQ(wait_ready(), "");
    const std::vector<pid_t> pids{status(0).pid, status(1).pid};
    EXPECT_TRUE(stop(std::chrono::milliseconds(200)));
    for (const pid_t pid : pids) {
        EXPECT_FALSE(process_lives(pid));
    }
}

TEST_F(group_stop, a_wrapped_service_takes_its_children_along) {
    auto& service = add("runtime");
    std::string line;
    for (const std::string& word : service.command.command) {
        line += word + " ";
    }
    service.command.command = {"/bin/sh", "-c", line + "& sleep 600 & wait"};
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t group = status().pid;
    EXPECT_TRUE(stop());
    EXPECT_NE(::kill(-group, 0), 0);
    EXPECT_EQ(states_of_children(guard.pid()), "");
}

TEST_F(group_stop, ends_the_wait_of_those_who_hope_for_readiness) {
    add("runtime", {"--delay", "60"});
    start();
    std::optional<core::result<void>> answer;
    tasks.spawn("waiter", keep_answer(made->wait_ready({}), &answer));
    run_until([this] { return status().pid != 0; });
    EXPECT_TRUE(stop());
    ASSERT_TRUE(run_until([&answer] { return answer.has_value(); }));
    EXPECT_FALSE(*answer);
    EXPECT_NE(answer->error().message.text().find("stopped"), std::string::npos) << answer->error().message;
    EXPECT_NE(wait_ready(), "") << "and of those who come later";
}

TEST_F(group_stop, stopped_can_be_started_again) {
    add("tokenizer");
    add("runtime");
    start();
    ASSERT_EQ(wait_ready(), "");
    EXPECT_TRUE(stop());
    made->start();
    EXPECT_EQ(wait_ready(), "");
    EXPECT_EQ(starts(), 2U);
}

TEST_F(group_stop, a_death_during_the_stop_brings_nothing_back) {
    add("tokenizer");
    auto& runtime = add("runtime", {"--ignore", "SIGTERM"});
    runtime.rules.stop_ready = {{SIGTERM, catalog::signal_target::leader, milliseconds{700}}};
    start();
    ASSERT_EQ(wait_ready(), "");
    std::optional<bool> stopped;
    tasks.spawn("stop", keep_answer(made->stop({}), &stopped));
    ASSERT_TRUE(reaches(service_state::stopping, 1));
    ::kill(status(0).pid, SIGKILL);
    ASSERT_TRUE(run_until([&stopped] { return stopped.has_value(); }));
    EXPECT_TRUE(*stopped);
    EXPECT_EQ(status(0).starts, 1U);
}

TEST_F(group_stop, stopping_what_never_started_is_done_at_once) {
    add("runtime");
    make();
    EXPECT_TRUE(stop());
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
    EXPECT_EQ(status().starts, 0U);
}

TEST_F(group_stop, a_group_that_is_dropped_kills_its_processes) {
    core::wake_signal bell(io.get_executor());
    add("tokenizer");
    add("runtime").self_test = [&bell] { return never_tested(&bell); };
    start();
    ASSERT_TRUE(run_until([this] { return status(1).pid != 0; }));
    const std::vector<pid_t> pids{status(0).pid, status(1).pid};
    made.reset();
    EXPECT_TRUE(run_until([&pids] { return !process_lives(pids[0]) && !process_lives(pids[1]); }));
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
}

core::awaitable<core::result<void>> tested_until_asked(core::wake_signal* bell, std::string* order) {
    *order += "begun; ";
    const core::deadline forever;
    const core::wake_reason woken = co_await bell->wait(forever);
    *order += woken == core::wake_reason::rung ? "asked; " : "cut; ";
    co_return core::make_failure(core::errc::cancelled, core::reason::unlisted("asked to end"));
}

// What talks to a runtime has something to put in order.
TEST_F(group_stop, a_first_test_whose_process_has_ended_is_asked_to_end_and_not_cut) {
    core::wake_signal bell(io.get_executor());
    std::string order;
    auto& service = add("runtime");
    service.self_test = [&] { return tested_until_asked(&bell, &order); };
    service.end_self_test = [&bell] { bell.ring(); };
    start();
    ASSERT_TRUE(run_until([&order] { return order == "begun; "; }));
    ASSERT_EQ(::kill(status().pid, SIGKILL), 0);
    ASSERT_TRUE(run_until([this] { return starts() == 2; })) << "it is started again";
    EXPECT_TRUE(order.starts_with("begun; asked; ")) << order;
    EXPECT_TRUE(stop());
}

TEST_F(group_stop, a_first_test_that_is_asked_in_vain_holds_nobody_up) {
    core::wake_signal bell(io.get_executor());
    unsigned asked = 0;
    auto& service = add("runtime");
    service.self_test = [&bell] { return never_tested(&bell); };
    service.end_self_test = [&asked] { ++asked; };
    start();
    ASSERT_TRUE(run_until([this] { return printed("runtime").find("listening") != std::string::npos; }));
    run_until([] { return false; }, std::chrono::milliseconds(500));  // into the first test
    ASSERT_EQ(::kill(status().pid, SIGKILL), 0);
    EXPECT_TRUE(run_until([this] { return starts() == 2; }));
    EXPECT_EQ(asked, 1U);
    made.reset();
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
}

TEST_F(group_stop, cancelled_tasks_leave_no_process_and_no_task) {
    add("runtime");
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t pid = status().pid;
    // On the loop: Asio's co_spawn would carry out a cancellation from elsewhere too late to be safe.
    boost::asio::post(io, [this] { tasks.cancel(); });
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
    EXPECT_TRUE(run_until([pid] {
        process::reap_orphans();
        return !process_lives(pid);
    }));
    EXPECT_EQ(status().state, service_state::stopped);
    EXPECT_TRUE(tasks.empty()) << "nothing was started again";
}

}  // namespace
}  // namespace corral::supervisor
