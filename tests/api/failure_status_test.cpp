#include "api/failure_status.hpp"

#include <gtest/gtest.h>

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
    why.message = "too slow";
    EXPECT_EQ(failure_text(why, "tiny"), "too slow");
    why.kind = failure_kind::model_not_found;
    EXPECT_EQ(failure_text(why, "Tiny"), "model 'Tiny' not found");
}

}  // namespace
}  // namespace corral::api
