#include <sys/resource.h>

#include "rounds.hpp"
#include "supervisor/group_fixture.hpp"

namespace corral::supervisor {
namespace {

using group_restart = group_fixture;

TEST_F(group_restart, a_death_is_noticed_without_any_request_and_repaired) {
    add("runtime");
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t first = status().pid;
    ::kill(first, SIGKILL);
    ASSERT_TRUE(run_until([this] { return !made->ready(); }));
    EXPECT_EQ(wait_ready(), "");
    EXPECT_NE(status().pid, first);
    EXPECT_EQ(starts(), 2U);
    EXPECT_NE(heard.told().find("runtime ready; runtime stopping; runtime starting; runtime ready"),
              std::string::npos)
        << heard.told();
}

TEST_F(group_restart, those_that_depend_on_the_dead_are_restarted_in_order) {
    add("tokenizer");
    // It ignores every polite signal: it must be killed at once, not by its ladder.
    auto& runtime = add("runtime", {"--ignore", "SIGTERM,SIGINT"});
    runtime.rules.stop_ready = {{SIGTERM, catalog::signal_target::leader, milliseconds{600'000}}};
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t tokenizer = status(0).pid;
    const pid_t runtime_pid = status(1).pid;
    heard.history.clear();
    ::kill(tokenizer, SIGKILL);
    ASSERT_TRUE(run_until([this] { return starts() == 2 && made->ready(); }));
    EXPECT_NE(status(0).pid, tokenizer);
    EXPECT_NE(status(1).pid, runtime_pid);
    EXPECT_FALSE(process_lives(runtime_pid));
    const auto at = [this](const char* entry) {
        return std::find(heard.history.begin(), heard.history.end(), entry) - heard.history.begin();
    };
    run_until([this] { return heard.history.back() == "runtime ready"; });
    EXPECT_LT(at("tokenizer ready"), at("runtime starting")) << heard.told();
}

TEST_F(group_restart, the_death_of_the_last_leaves_the_others_alone) {
    add("tokenizer");
    add("runtime");
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t tokenizer = status(0).pid;
    ::kill(status(1).pid, SIGSEGV);
    ASSERT_TRUE(run_until([this] { return starts() == 2 && made->ready(); }));
    EXPECT_EQ(status(0).pid, tokenizer);
}

TEST_F(group_restart, dependents_that_survive_keep_their_process) {
    add("tokenizer").dependents_survive = true;
    add("runtime");
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t tokenizer = status(0).pid;
    const pid_t runtime = status(1).pid;
    ::kill(tokenizer, SIGKILL);
    ASSERT_TRUE(run_until([this] { return !made->ready(); }));
    EXPECT_EQ(wait_ready(), "");
    EXPECT_NE(status(0).pid, tokenizer);
    EXPECT_EQ(status(1).pid, runtime);
    EXPECT_EQ(starts(), 1U);
}

TEST_F(group_restart, a_dependent_that_dies_while_its_survivor_is_down_waits_for_it) {
    add("tokenizer", {"--delay", "0.5"}).dependents_survive = true;
    add("runtime");
    start();
    ASSERT_EQ(wait_ready(), "");
    ::kill(status(0).pid, SIGKILL);
    ASSERT_TRUE(run_until([this] { return status(0).state == service_state::starting; }));
    ::kill(status(1).pid, SIGKILL);
    ASSERT_TRUE(reaches(service_state::waiting, 1));
    EXPECT_EQ(wait_ready(), "");
    EXPECT_EQ(starts(), 2U);
}

TEST_F(group_restart, an_asked_restart_takes_effect_before_the_call_returns) {
    add("runtime", {"--ignore", "SIGTERM,SIGINT"});
    start();
    ASSERT_EQ(wait_ready(), "");
    made->restart("runtime", core::reason::unlisted("it gave no text for 30 s"), restart_reason::hang);
    EXPECT_FALSE(made->ready()) << "else a waiter would take the dead one";
    EXPECT_NE(status().reason.text().find("it gave no text"), std::string::npos);
    EXPECT_EQ(wait_ready(), "");
    EXPECT_EQ(starts(), 2U);
    made->restart("nobody", core::reason::unlisted("no such service"), restart_reason::hang);
    EXPECT_TRUE(made->ready());
}

TEST_F(group_restart, restarts_by_choice_cost_no_backoff_and_open_no_breaker) {
    add("runtime");
    wanted.restart.intensity = 1;
    wanted.restart.first_backoff = seconds{60};
    start();
    ASSERT_EQ(wait_ready(), "");
    for (const restart_reason why : {restart_reason::cancel, restart_reason::cancel, restart_reason::cancel,
                                     restart_reason::asked, restart_reason::asked}) {
        made->restart("runtime", core::reason::unlisted("by choice"), why);
        EXPECT_EQ(status().last_loss, why);
        ASSERT_EQ(wait_ready(), "");
    }
    EXPECT_EQ(starts(), 6U);
    EXPECT_TRUE(status().usual_load);
    for (const transition_record& each : made->history()) {
        EXPECT_EQ(each.failure, trouble::none) << each.reason;
    }
}

TEST_F(group_restart, an_observer_may_restart_from_within_what_it_hears) {
    class impatient : public recorder {
    public:
        void on_status(const service_status& now) override {
            recorder::on_status(now);
            EXPECT_FALSE(inside);
            inside = true;
            if (now.state == service_state::ready && restarts++ == 0) {
                of->restart("runtime", core::reason::unlisted("first sight"), restart_reason::hang);
            }
            inside = false;
        }
        group* of = nullptr;
        int restarts = 0;
        bool inside = false;
    } observer;
    add("runtime");
    make();
    observer.of = made.get();
    made->add_observer(&observer);
    made->start();
    EXPECT_TRUE(run_until([this] { return starts() == 2 && made->ready(); }));
    made->remove_observer(&observer);
}

TEST_F(group_restart, what_it_leaves_behind_is_killed_before_the_next_start) {
    add("runtime", {"--child"});
    start();
    ASSERT_EQ(wait_ready(), "");
    const pid_t group = status().pid;
    ::kill(group, SIGKILL);
    ASSERT_TRUE(run_until([this] { return starts() == 2; }));
    EXPECT_NE(::kill(-group, 0), 0) << "the grandchild that held the output lives on";
    EXPECT_EQ(wait_ready(), "");
}

TEST_F(group_restart, failing_for_ever_opens_the_breaker_and_a_person_closes_it) {
    add("runtime", {"--exit", "3", "--first-only", (folder / "repaired").string()});
    wanted.services[0].command.command = {"/bin/sh", "-c", "exit 3"};
    wanted.restart.intensity = 3;
    wanted.restart.max_backoff = milliseconds{30};
    start();
    const std::string why = wait_ready();
    EXPECT_NE(why.find("failed too often"), std::string::npos) << why;
    EXPECT_NE(why.find("3"), std::string::npos) << why;
    EXPECT_EQ(status().starts, 4U) << "the first and three restarts";
    ASSERT_TRUE(status().next_try);
    made->start();
    EXPECT_TRUE(run_until([this] { return status().starts > 4; }));
    EXPECT_TRUE(stop());
}

TEST_F(group_restart, a_thousand_failed_starts_leave_nothing_behind) {
    add("runtime").command.command = {"/bin/false"};
    wanted.restart = {};
    wanted.restart.first_backoff = milliseconds{0};
    wanted.restart.max_backoff = milliseconds{0};
    wanted.restart.intensity = 2000;
    start();
    ASSERT_TRUE(run_until([this] { return status().starts >= 5; }));
    const std::size_t before = open_descriptors();
    ASSERT_TRUE(
        run_until([this] { return status().starts >= test_rounds(1000U); }, std::chrono::seconds(240)))
        << status().starts;
    EXPECT_TRUE(stop());
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
    EXPECT_LE(open_descriptors(), before);
    EXPECT_EQ(states_of_children(guard.pid()), "");
}

TEST_F(group_restart, failed_launches_leave_nothing_behind_either) {
    const auto program = folder / "not_a_program";
    std::filesystem::create_directory(folder / "away");
    add("runtime").command.command = {"/bin/true"};
    wanted.services[0].command.working_directory = (folder / "away").string();
    wanted.restart.intensity = 2000;
    wanted.restart.first_backoff = wanted.restart.max_backoff = milliseconds{0};
    start();
    ASSERT_TRUE(run_until([this] { return status().starts >= 5; }));
    const std::size_t before = open_descriptors();
    std::filesystem::remove(folder / "away");
    ASSERT_TRUE(reaches(service_state::broken));
    for (int i = 0; i < 50; ++i) {
        made->start();
        ASSERT_TRUE(reaches(service_state::broken));
    }
    EXPECT_TRUE(stop());
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
    EXPECT_LE(open_descriptors(), before);
    EXPECT_EQ(states_of_children(guard.pid()), "");
}

}  // namespace
}  // namespace corral::supervisor
