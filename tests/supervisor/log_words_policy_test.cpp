#include "supervisor/service/log_words_policy.hpp"

#include <gtest/gtest.h>

#include "corral/core/say.hpp"

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
