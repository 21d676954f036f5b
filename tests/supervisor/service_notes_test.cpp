#include "supervisor/service/service_notes.hpp"

#include <utility>

#include <gtest/gtest.h>

#include "corral/core/say.hpp"
#include "corral/supervisor/context.hpp"

namespace corral::supervisor {

namespace {

class service_notes_test : public ::testing::Test {
protected:
    static service_machine machine(phase::any now, std::string reason = "why") {
        service_machine m{catalog::restart_rule{}};
        m.now = std::move(now);
        m.wanted = true;
        m.reason = core::reason::unlisted(std::move(reason));
        return m;
    }

    core::steady_clock_source clock;
    service_notes notes{"runtime", &clock};
    const service_machine ready = machine(phase::ready{}, "ready");
    const service_machine dying = machine(phase::stopping{after_stop::retry, {}, phase::dead{}}, "crashed");
};

TEST_F(service_notes_test, a_step_that_changes_nothing_is_not_worth_a_record) {
    EXPECT_FALSE(notes.on_step(machine_before(ready), {event_kind::probe_ok, {}, {}}, ready, 7));
}

TEST_F(service_notes_test, a_crash_is_a_record_with_its_cause_and_process) {
    const auto record = notes.on_step(machine_before(ready), {event_kind::exited, {}, {}}, dying, 7);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->service, "runtime");
    EXPECT_EQ(record->from, service_state::ready);
    EXPECT_EQ(record->to, service_state::stopping);
    EXPECT_EQ(record->event, "exited");
    EXPECT_EQ(record->reason, "crashed");
    EXPECT_EQ(record->pid, 7);
    EXPECT_EQ(record->failure, trouble::crash);
}

TEST(box_activity, services_of_two_models_that_die_together_were_killed_by_something_else) {
    box_activity box;
    const core::steady_time t{core::seconds{100}};
    EXPECT_FALSE(box.note_death("a", t));
    EXPECT_FALSE(box.note_death("a", t + core::seconds{1})) << "its own services follow one another";
    EXPECT_EQ(box.joint_deaths(), 0U);
    EXPECT_TRUE(box.note_death("b", t + core::seconds{2}));
    EXPECT_EQ(box.joint_deaths(), 1U);
    EXPECT_FALSE(box.note_death("c", t + core::seconds{10}));
}

TEST_F(service_notes_test, what_a_person_asked_for_is_no_trouble) {
    service_event kill{event_kind::kill, {}, {}};
    kill.why = restart_reason::asked;
    const service_machine replaced =
        machine(phase::stopping{after_stop::again, {}, phase::dead{}}, "crashed");
    const auto record = notes.on_step(machine_before(ready), kill, replaced, 7);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->failure, trouble::none);
    EXPECT_EQ(notes.last_end(), "crashed") << "the reason why it was ended";
    EXPECT_EQ(notes.last_loss(), restart_reason::asked);
}

TEST_F(service_notes_test, the_end_of_a_process_names_the_one_that_ended) {
    notes.on_launched(7);
    const service_machine waits = machine(phase::waiting{phase::backoff{}});
    const auto record = notes.on_step(machine_before(dying), {event_kind::gone, {}, {}}, waits, 0);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->pid, 7);
}

TEST_F(service_notes_test, a_remark_moves_nothing) {
    catalog::log_meaning known;
    known.cause = "the card is slow";
    known.advice = "cool it";
    const transition_record record = notes.remark(known, ready, 7);
    EXPECT_EQ(record.event, "line");
    EXPECT_EQ(record.from, record.to);
    EXPECT_EQ(record.reason, "printed what may mean: the card is slow");
    EXPECT_EQ(record.advice, "cool it");
    EXPECT_EQ(record.failure, trouble::none);
}

}  // namespace

}  // namespace corral::supervisor

namespace corral::supervisor::test {

namespace {

using std::chrono::milliseconds;

service_status of(service_state state, core::reason reason, std::string advice = {}) {
    service_status out;
    out.state = state;
    out.reason = std::move(reason);
    out.advice = std::move(advice);
    return out;
}

const core::reason died =
    core::say("service.ended")
        .led_to_by(core::reason::unlisted("exit status 1")
                       .led_to_by(core::reason::unlisted("The script ended with an error."))
                       .led_to_by(core::reason::unlisted("it said: ValueError: 'abc'")));
constexpr core::steady_time now{};

TEST(log_words, a_failure_is_told_without_colons_in_colons) {
    EXPECT_EQ(log_words(of(service_state::starting, core::reason::unlisted("loading")),
                        of(service_state::stopping, died, "Look there."), now),
              "ended by itself, exit status 1. The script ended with an error. It said: ValueError: 'abc'. "
              "Look there.");
}

TEST(log_words, a_failure_is_told_once) {
    const service_status stopping = of(service_state::stopping, died, "Look there.");
    service_status waiting = of(service_state::waiting, died, "Look there.");
    waiting.next_try = now + milliseconds(3500);
    EXPECT_EQ(log_words(stopping, waiting, now), "tried again in 3.5 s");
    const core::reason after = core::say("service.loading-again").led_to_by(died);
    EXPECT_EQ(log_words(waiting, of(service_state::starting, after), now), "loading again");
    EXPECT_EQ(log_words(waiting,
                        of(service_state::starting,
                           after.led_to_by(core::say("service.loading-again/device", "37 C"))),
                        now),
              "loading again; the device: 37 C");
}

TEST(log_words, another_failure_is_told_whole) {
    EXPECT_EQ(log_words(of(service_state::stopping, died),
                        of(service_state::waiting, core::reason::unlisted("port 8000 is taken")), now),
              "port 8000 is taken");
}

TEST(log_words, an_end_of_all_tries_stands_alone) {
    EXPECT_EQ(
        log_words(of(service_state::stopping, died),
                  of(service_state::broken, core::say("service.gave-up").led_to_by(died)), now),
        "failed too often, the last time it ended by itself, exit status 1. The script ended with an error. "
        "It said: "
        "ValueError: 'abc'");
}

}  // namespace

}  // namespace corral::supervisor::test
