#include "engine/loss_text.hpp"

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

supervisor::service_status ended(supervisor::service_state state, std::string why) {
    supervisor::service_status out;
    out.state = state;
    out.last_end = core::reason::unlisted(std::move(why));
    return out;
}

using enum supervisor::service_state;

TEST(loss_text, says_what_happened_why_and_what_is_done) {
    EXPECT_EQ(ended_text("The runtime", ended(stopping, "killed by SIGSEGV: The runtime crashed.")),
              "The runtime ended while the request ran: killed by SIGSEGV: The runtime crashed. It is being "
              "restarted.");
    EXPECT_EQ(ended_text("The runtime", ended(starting, "exit status 3")),
              "The runtime ended while the request ran: exit status 3. It is being restarted.");
}

TEST(loss_text, promises_no_restart_where_there_is_none) {
    EXPECT_EQ(ended_text("The runtime", ended(broken, "exit status 3")),
              "The runtime ended while the request ran: exit status 3. It is not started again for now.");
    EXPECT_EQ(ended_text("The runtime", ended(stopped, "")), "The runtime ended while the request ran.");
}

TEST(loss_text, knows_a_restart_that_a_person_asked_for) {
    supervisor::service_status now = ended(stopping, "restarted by its operator");
    EXPECT_FALSE(was_restarted(now));
    now.last_loss = supervisor::restart_reason::dependency;
    EXPECT_FALSE(was_restarted(now));
    now.last_loss = supervisor::restart_reason::asked;
    EXPECT_TRUE(was_restarted(now));
}

}  // namespace
}  // namespace corral::engine::ax_poll
