// A gate before a real process.

#include <cerrno>
#include <functional>
#include <system_error>

#include <boost/asio/post.hpp>

#include "corral/core/disk_work.hpp"

#include "supervisor/group_fixture.hpp"

namespace corral::supervisor {
namespace {

// Answers what the test wants.
class told_gate final : public start_gate {
public:
    core::awaitable<gate_verdict> ask() override {
        ++asked;
        if (on_ask) {
            on_ask();
        }
        if (never) {
            const bool slept = co_await core::sleep_for(std::chrono::hours(1));
            static_cast<void>(slept);
        }
        co_return answer;
    }
    core::awaitable<bool> changed(std::string /*reason*/, bool first) override {
        looked += first ? 0 : 1;
        co_return !first && repaired;
    }
    void on_spawned(pid_t pid) override {
        story += "spawned " + std::to_string(pid) + ";";
        if (on_spawn) {
            on_spawn();
        }
    }
    void on_ready(pid_t pid) override { story += "ready " + std::to_string(pid) + ";"; }
    void on_gone(pid_t pid) override { story += "gone " + std::to_string(pid) + ";"; }

    gate_verdict answer;
    bool never = false;
    bool repaired = false;
    int asked = 0;
    int looked = 0;
    std::string story;
    std::function<void()> on_ask{};
    std::function<void()> on_spawn{};
};

class group_gate : public group_fixture {
protected:
    // Signals of cancellation are given on the loop only.
    void cancel_all() {
        boost::asio::post(io, [this] { tasks.cancel(); });
    }
    // The system makes no thread while `starved`.
    void starve() {
        starved = true;
        context.searches = std::make_shared<core::disk_work>([this](std::function<void()> what) {
            if (starved) {
                ++refusals;
                throw std::system_error(EAGAIN, std::generic_category());
            }
            core::disk_work::start_thread(std::move(what));
        });
    }
    bool starved = false;
    int refusals = 0;
    std::shared_ptr<told_gate> gate = std::make_shared<told_gate>();
};

TEST_F(group_gate, an_open_gate_lets_it_start_and_hears_what_becomes_of_it) {
    add("runtime").gate = gate;
    start();
    ASSERT_EQ(wait_ready(), "");
    const std::string pid = std::to_string(status().pid);
    EXPECT_EQ(gate->asked, 1);
    EXPECT_EQ(gate->story, "spawned " + pid + ";ready " + pid + ";");
    ASSERT_TRUE(stop());
    EXPECT_EQ(gate->story, "spawned " + pid + ";ready " + pid + ";gone " + pid + ";");
}

TEST_F(group_gate, a_shut_gate_costs_no_process_and_tells_who_waits) {
    gate->answer = {gate_state::shut, core::reason::unlisted("the device is lost"), "reseat the card"};
    add("runtime").gate = gate;
    start();
    const std::string why = wait_ready();
    EXPECT_NE(why.find("the device is lost; reseat the card"), std::string::npos) << why;
    EXPECT_EQ(status().state, service_state::broken);
    EXPECT_EQ(status().starts, 0U);
    EXPECT_TRUE(status().next_try.has_value());
    gate->answer = {};
    made->start();
    EXPECT_EQ(wait_ready(), "");
    EXPECT_EQ(status().starts, 1U);
}

TEST_F(group_gate, what_a_failed_start_lacked_is_watched_for_though_the_breaker_is_open) {
    add("runtime", {"--exit", "3", "--first-only", (folder / "repaired").string()}).gate = gate;
    wanted.restart.intensity = 0;
    wanted.restart.breaker_retry = std::chrono::hours(1);
    start();
    ASSERT_TRUE(reaches(service_state::broken));
    ASSERT_TRUE(run_until([this] { return gate->looked > 0; }));
    EXPECT_EQ(status().starts, 1U) << "nothing has changed yet";
    gate->repaired = true;
    ASSERT_TRUE(run_until([this] { return made->ready(); }));
    EXPECT_EQ(status().starts, 2U);
}

TEST_F(group_gate, nothing_is_started_while_the_system_refuses_processes) {
    starve();
    add("runtime").gate = gate;
    start();
    ASSERT_TRUE(reaches(service_state::waiting));
    ASSERT_TRUE(run_until([this] { return refusals > 2; }));
    EXPECT_EQ(status().reason,
              "the system refuses new processes and threads: Resource temporarily unavailable");
    EXPECT_NE(status().advice.find("TasksMax"), std::string::npos) << status().advice;
    EXPECT_EQ(gate->asked, 0) << "its tools could not run";
    EXPECT_EQ(status().starts, 0U);
    starved = false;
    EXPECT_EQ(wait_ready(), "");
}

TEST_F(group_gate, the_want_of_processes_is_told_and_not_what_a_gate_makes_of_it) {
    starve();
    starved = false;
    gate->answer = {gate_state::shut, core::reason::unlisted("the tool failed"), "reseat the card"};
    gate->on_ask = [this] { starved = true; };
    add("runtime").gate = gate;
    start();
    ASSERT_TRUE(reaches(service_state::waiting));
    EXPECT_NE(status().reason.text().find("refuses new processes"), std::string::npos) << status().reason;
}

TEST_F(group_gate, a_breaker_that_opened_for_want_of_processes_ends_with_it) {
    starve();
    starved = false;
    add("runtime", {"--exit", "3", "--first-only", (folder / "repaired").string()}).gate = gate;
    gate->on_spawn = [this] { starved = true; };
    wanted.restart.intensity = 0;
    wanted.restart.breaker_retry = std::chrono::hours(1);
    start();
    ASSERT_TRUE(reaches(service_state::broken));
    EXPECT_NE(status().reason.text().find("the system refused it a process or thread"), std::string::npos)
        << status().reason;
    gate->on_spawn = nullptr;
    ASSERT_TRUE(run_until([this] { return gate->looked > 0; }));
    EXPECT_EQ(status().starts, 1U);
    starved = false;
    ASSERT_TRUE(run_until([this] { return made->ready(); }));
    EXPECT_EQ(status().starts, 2U);
}

TEST_F(group_gate, who_waits_for_the_service_waits_for_the_gate_too) {
    gate->answer = {gate_state::wait, core::reason::unlisted("memory is on its way"), {}};
    add("runtime").gate = gate;
    start();
    ASSERT_TRUE(run_until([this] { return gate->asked >= 2; }));
    EXPECT_EQ(status().state, service_state::waiting);
    EXPECT_EQ(status().reason, "memory is on its way");
    EXPECT_EQ(status().starts, 0U);
    gate->answer = {};
    EXPECT_EQ(wait_ready(), "");
}

TEST_F(group_gate, only_the_service_with_the_gate_waits_at_it) {
    gate->answer = {gate_state::shut, core::reason::unlisted("the device is lost"), {}};
    add("tokenizer");
    add("runtime").gate = gate;
    start();
    ASSERT_TRUE(reaches(service_state::ready, 0));
    ASSERT_TRUE(reaches(service_state::broken, 1));
    EXPECT_EQ(status(1).starts, 0U);
}

TEST_F(group_gate, a_gate_that_never_answers_does_not_hold_up_a_stop) {
    gate->never = true;
    add("runtime").gate = gate;
    start();
    ASSERT_TRUE(run_until([this] { return gate->asked == 1; }));
    EXPECT_TRUE(stop());
    EXPECT_EQ(status().starts, 0U);
    cancel_all();
}

TEST_F(group_gate, the_end_of_all_tasks_starts_nothing) {
    gate->never = true;
    add("runtime").gate = gate;
    start();
    ASSERT_TRUE(run_until([this] { return gate->asked == 1; }));
    cancel_all();
    ASSERT_TRUE(run_until([this] { return tasks.empty(); }));
    EXPECT_EQ(status().starts, 0U);
}

}  // namespace
}  // namespace corral::supervisor
