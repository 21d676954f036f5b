#include "corral/core/reason.hpp"

#include <gmock/gmock.h>

#include "corral/core/say.hpp"

namespace corral::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const reason crashed =
    say("service.ended")
        .led_to_by(reason::unlisted("killed by SIGSEGV").led_to_by(reason::unlisted("The runtime crashed.")));

TEST(reason, is_its_wording_with_the_values_in_their_places) {
    const reason taken = say("service.port-taken", 8000, "python3 (pid 4711)");
    EXPECT_EQ(taken, "port 8000 is already taken by python3 (pid 4711)");
    EXPECT_EQ(taken.id(), "service.port-taken");
    EXPECT_THAT(taken.causes(), ElementsAre(taken.text()));
}

TEST(reason, words_of_others_have_no_id_and_stay_as_they_are) {
    const reason line = reason::unlisted("{it} failed: {>x}");
    EXPECT_EQ(line, "{it} failed: {>x}");
    EXPECT_EQ(line.id(), "");
    EXPECT_EQ(line.name(), "");
    EXPECT_EQ(say("runtime.hung/not-idle").name(), "runtime.hung/not-idle");
    EXPECT_EQ(say("service.ended").name(), "service.ended");
    EXPECT_THAT(line.ids(), IsEmpty());
    EXPECT_EQ(say("device.silent/driver", "{url}"), "the device's driver does not answer: {url}");
}

TEST(reason, goes_on_to_what_led_to_it_as_its_wording_says) {
    EXPECT_EQ(say("service.loading-again").led_to_by(crashed),
              "loading again, because it ended by itself, killed by SIGSEGV. The runtime crashed.");
    EXPECT_EQ(say("service.loading-again").led_to_by(reason::unlisted("not ready within 60 s")),
              "loading again after this: not ready within 60 s");
    EXPECT_EQ(say("service.gave-up")
                  .led_to_by(say("service.first-test-failed")
                                 .led_to_by(reason::unlisted("A first test answer had no text."))),
              "failed too often, the last time its first test failed. A first test answer had no text.");
    EXPECT_EQ(
        say("service.gave-up").led_to_by(crashed.led_to_by(reason::unlisted("the device: 37 C"))),
        "failed too often, the last time it ended by itself, killed by SIGSEGV. The runtime crashed. The "
        "device: 37 C");
    EXPECT_EQ(reason::unlisted("waiting for device memory")
                  .led_to_by(say("service.loading-again/then").led_to_by(say("service.ended"))),
              "waiting for device memory, then loading again, because it ended by itself");
    EXPECT_EQ(say("service.said-before").led_to_by(reason::unlisted("a file is missing")),
              "while loading it had said: a file is missing");
}

TEST(reason, a_chain_is_a_list_of_causes_and_of_ids) {
    const reason chain = say("service.gave-up").led_to_by(crashed);
    EXPECT_THAT(chain.causes(), ElementsAre("failed too often, the last time", "ended by itself",
                                            "killed by SIGSEGV", "The runtime crashed."));
    EXPECT_THAT(chain.ids(), ElementsAre("service.gave-up", "service.ended"));
    EXPECT_TRUE(chain.includes(crashed));
    EXPECT_FALSE(crashed.includes(chain));
}

// A failure that another one names stands in its place, with its own id.
TEST(reason, a_value_keeps_its_id) {
    const failure missing = make_failure(errc::not_found, say("program.folder/missing", "'/x'"));
    const reason outer = say("service.disk-silent", missing);
    EXPECT_EQ(outer, "its program can't be examined: '/x' does not exist");
    EXPECT_THAT(outer.ids(), ElementsAre("service.disk-silent", "program.folder"));
}

TEST(reason, an_empty_one_adds_nothing) {
    EXPECT_TRUE(reason().empty());
    EXPECT_TRUE(reason::unlisted("").causes().empty());
    EXPECT_EQ(crashed.led_to_by({}), crashed);
    EXPECT_EQ(reason().led_to_by(crashed), crashed);
}

}  // namespace
}  // namespace corral::core
