#include "api/failure_status.hpp"

#include <gtest/gtest.h>

#include "corral/chat/generation_event.hpp"

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

// Which of a failure's words the log may have.
TEST(tells_why, never_of_a_runtime_that_refuses_in_its_own_words) {
    using chat::failure_cause;
    using chat::failure_kind;
    const core::reason words =
        core::reason::unlisted("The runtime refused a prompt: 'my secret' is too rude.");
    for (const failure_cause cause :
         {failure_cause::generate_refused, failure_cause::runtime_error, failure_cause::remote_failed,
          failure_cause::remote_busy, failure_cause::remote_refused, failure_cause::none}) {
        EXPECT_FALSE(chat::tells_why({failure_kind::runtime_failed, cause, words})) << name_of(cause);
        EXPECT_FALSE(chat::tells_why({failure_kind::unavailable, cause, words})) << name_of(cause);
    }
    EXPECT_TRUE(chat::tells_why(
        {failure_kind::runtime_failed, failure_cause::runtime_died, core::reason::unlisted("It died.")}));
    EXPECT_TRUE(chat::tells_why(
        {failure_kind::timed_out, failure_cause::queue_deadline, core::reason::unlisted("Too late.")}));
    EXPECT_TRUE(chat::tells_why({failure_kind::runtime_failed, failure_cause::foreign_stop,
                                 core::reason::unlisted("Another program stopped it.")}));
    EXPECT_FALSE(chat::tells_why({failure_kind::bad_request, failure_cause::runtime_died, words}));
}

}  // namespace
}  // namespace corral::api
