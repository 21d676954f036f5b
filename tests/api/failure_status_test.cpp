#include "api/failure_status.hpp"

#include <gtest/gtest.h>

#include "corral/chat/generation_event.hpp"
#include "corral/core/say.hpp"
#include "corral/supervisor/service_status.hpp"

namespace corral::api {
namespace {

using chat::failure_kind;

TEST(failure_status, each_kind_of_failure_has_its_status) {
    const std::pair<failure_kind, unsigned> table[] = {
        {failure_kind::bad_request, 400U},     {failure_kind::context_too_long, 400U},
        {failure_kind::unsupported, 400U},     {failure_kind::format_unmet, 422U},
        {failure_kind::model_not_found, 404U}, {failure_kind::queue_full, 503U},
        {failure_kind::unavailable, 503U},     {failure_kind::timed_out, 504U},
        {failure_kind::runtime_failed, 500U},  {failure_kind::shutting_down, 503U},
        {failure_kind::cancelled, 499U},       {failure_kind::internal, 500U},
    };
    for (const auto& [kind, status] : table) {
        EXPECT_EQ(status_of(kind), status) << chat::name_of(kind);
    }
}

TEST(failure_status, a_failure_without_a_message_shows_its_kind) {
    chat::failed_event why;
    why.kind = failure_kind::timed_out;
    EXPECT_EQ(failure_text(why, "tiny"), "timed-out");
    why.message = core::reason::unlisted("too slow");
    EXPECT_EQ(failure_text(why, "tiny"), "too slow");
    why.kind = failure_kind::model_not_found;
    EXPECT_EQ(failure_text(why, "Tiny"), "model 'Tiny' not found");
}

TEST(name_of, is_the_outcome_of_the_wording_or_else_the_kind) {
    const core::reason hung = core::say("runtime.hung/stream-begin", " ", "stood at 1 s");
    const auto name = [](const core::reason& message) {
        return name_of(chat::failure{chat::failure_kind::runtime_failed, message});
    };
    EXPECT_EQ(name(hung), "prefill-stalled");
    EXPECT_EQ(name(supervisor::with_advice(hung, "It is being restarted.")), "prefill-stalled");
    EXPECT_EQ(name(core::say("request.no-tokens/measure", hung)), "measure-failed") << "of the outermost";
    EXPECT_EQ(name(core::say("request.too-late").led_to_by(hung)), "runtime-failed");
    EXPECT_EQ(name(core::reason::unlisted("something")), "runtime-failed");
}

// Which of a failure's words the log may have.
TEST(tells_why, never_of_a_runtime_that_refuses_in_its_own_words) {
    using chat::failure_kind;
    using core::say;
    const std::string words = ": 'my secret' is too rude.";
    const core::reason foreign = core::reason::unlisted("The runtime refused a prompt" + words);
    const core::reason died = say("request.runtime-died/found", "It died.");
    for (const core::reason& message :
         {say("runtime.refused/prompt", 400, words), say("runtime.not-run/gave-up", words),
          say("runtime.remote/failed", say("runtime.remote/failing", "it failed"), words),
          say("runtime.remote/busy", "http://far", words), say("runtime.remote/refuses", "http://far", words),
          say("request.no-tokens/measure", foreign), foreign}) {
        EXPECT_FALSE(chat::tells_why({failure_kind::runtime_failed, message})) << message;
        EXPECT_FALSE(chat::tells_why({failure_kind::unavailable, message})) << message;
    }
    EXPECT_TRUE(chat::tells_why({failure_kind::runtime_failed, died}));
    EXPECT_TRUE(chat::tells_why({failure_kind::timed_out, say("request.deadline")}));
    EXPECT_TRUE(chat::tells_why({failure_kind::runtime_failed, say("runtime.foreign-talk/runtime-ended")}));
    EXPECT_FALSE(chat::tells_why({failure_kind::bad_request, died}));
}

}  // namespace
}  // namespace corral::api
