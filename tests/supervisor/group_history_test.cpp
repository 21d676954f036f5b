// What a group remembers of its services' steps.

#include <algorithm>

#include "corral/http/client.hpp"
#include "supervisor/group_fixture.hpp"

namespace corral::supervisor {
namespace {

core::awaitable<core::result<void>> ask(boost::asio::ip::tcp::endpoint at) {
    http::client_call call;
    call.to = at;
    call.until = core::deadline::after(seconds{10}, std::chrono::steady_clock::now());
    const core::result<http::client_reply> reply = co_await http::call(std::move(call));
    co_return reply ? core::result<void>{} : core::result<void>{reply.error()};
}

class group_history : public group_fixture {
protected:
    [[nodiscard]] std::vector<transition_record> troubles() const {
        std::vector<transition_record> out;
        for (const transition_record& each : made->history()) {
            if (each.failure != trouble::none) {
                out.push_back(each);
            }
        }
        return out;
    }
};

TEST_F(group_history, a_crash_is_told_with_its_cause_at_once_and_nothing_else_is_trouble) {
    add("runtime").rules.exits = {{139, "It crashed, as it does when its tokenizer is gone.", "look there"}};
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t pid = status().pid;
    EXPECT_EQ(status().last_end, "");
    ::kill(pid, SIGSEGV);
    ASSERT_TRUE(run_until([this] { return !made->ready(); }));
    EXPECT_NE(
        status().reason.text().find("killed by SIGSEGV. It crashed, as it does when its tokenizer is gone."),
        std::string::npos)
        << status().reason;
    EXPECT_EQ(status().advice, "look there");
    EXPECT_NE(status().last_end.text().find("killed by SIGSEGV"), std::string::npos);
    EXPECT_EQ(wait_ready(), "");
    ASSERT_EQ(troubles().size(), 1U);
    const transition_record crash = troubles().front();
    EXPECT_EQ(crash.failure, trouble::crash);
    EXPECT_EQ(crash.service, "runtime");
    EXPECT_EQ(crash.from, service_state::ready);
    EXPECT_EQ(crash.to, service_state::stopping);
    EXPECT_EQ(crash.event, "exited");
    EXPECT_EQ(crash.pid, pid);
    EXPECT_NE(crash.reason.text().find("SIGSEGV"), std::string::npos);
    const auto all = made->history();
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                               [](const auto& a, const auto& b) { return a.number < b.number; }));
    EXPECT_EQ(all.front().event, "start");
    EXPECT_EQ(all.back().to, service_state::ready);
    EXPECT_TRUE(stop());
    EXPECT_EQ(troubles().size(), 1U) << "an asked stop is no trouble";
}

TEST_F(group_history, an_asked_stop_leaves_no_trouble_even_when_it_needs_force) {
    add("tokenizer");
    auto& runtime = add("runtime", {"--ignore", "SIGTERM"});
    runtime.rules.stop_ready = {{SIGTERM, catalog::signal_target::leader, milliseconds{100}}};
    start();
    ASSERT_EQ(wait_ready(), "");
    EXPECT_TRUE(stop());
    EXPECT_TRUE(troubles().empty());
    EXPECT_NE(status(1).last_end.text().find("asked to stop"), std::string::npos) << status(1).last_end;
}

TEST_F(group_history, a_restart_for_a_hang_names_the_cause) {
    add("runtime");
    start();
    ASSERT_EQ(wait_ready(), "");
    made->restart("runtime", core::reason::unlisted("It gave no text for 30 s."), restart_reason::hang);
    EXPECT_EQ(wait_ready(), "");
    ASSERT_EQ(troubles().size(), 1U);
    EXPECT_EQ(troubles().front().failure, trouble::hang);
    EXPECT_EQ(troubles().front().reason, "It gave no text for 30 s.");
    EXPECT_EQ(status().last_end, "It gave no text for 30 s.");
}

TEST_F(group_history, a_storm_of_failed_starts_ends_with_the_breaker_and_stays_bounded) {
    add("runtime").command.command = {"/bin/false"};
    wanted.restart.intensity = 40;
    wanted.restart.first_backoff = milliseconds{1};
    wanted.restart.max_backoff = milliseconds{2};
    start();
    ASSERT_TRUE(reaches(service_state::broken));
    const auto all = made->history();
    EXPECT_EQ(all.size(), 64U);
    EXPECT_EQ(all.back().failure, trouble::breaker);
    EXPECT_GT(all.back().number, 64U);
    EXPECT_GT(troubles().size(), 10U);
}

TEST_F(group_history, a_known_line_of_a_serving_process_is_a_remark_and_nothing_more) {
    auto& runtime = add("runtime", {"--say-when-asked", "words AX_ENGINE_Execute words"});
    const auto at = runtime.endpoint;
    runtime.rules.lines = {{"AX_ENGINE_Execute", "The device failed.", "restart it", true}};
    start();
    ASSERT_EQ(wait_ready(), "");
    ASSERT_TRUE(run(ask(at)));
    const auto remark = [this] {
        const auto all = made->history();
        return std::find_if(all.begin(), all.end(), [](const auto& each) { return each.event == "line"; }) !=
               all.end();
    };
    ASSERT_TRUE(run_until(remark));
    EXPECT_TRUE(made->ready());
    EXPECT_TRUE(troubles().empty());
    EXPECT_EQ(printed("runtime").find("words"), std::string::npos) << "the line is not kept";
    ::kill(status().pid, SIGILL);
    ASSERT_TRUE(run_until([this] { return !made->ready(); }));
    EXPECT_NE(status().reason.text().find("printed what may mean: The device failed."), std::string::npos)
        << status().reason;
}

}  // namespace
}  // namespace corral::supervisor
