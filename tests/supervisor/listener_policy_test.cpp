#include "supervisor/service/listener_policy.hpp"

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

constexpr pid_t us = 100;

process::listening_socket row(pid_t owner, bool any, bool loopback, const char* program = "python3") {
    process::listening_socket r;
    r.port = 8000;
    r.owner = owner;
    r.any_address = any;
    r.loopback = loopback;
    r.program = program;
    return r;
}

listener_judgement judge(const std::vector<process::listening_socket>& rows) {
    return judge_listeners(rows, [](pid_t pid) { return pid == us; });
}

TEST(listener_policy, a_port_is_ours_only_when_every_listener_is) {
    EXPECT_EQ(judge({}).what, listener_finding::none);
    EXPECT_EQ(judge({row(us, false, true)}).what, listener_finding::ours);
    EXPECT_EQ(judge({row(us, false, true), row(us, false, true)}).what, listener_finding::ours);
    EXPECT_EQ(judge({row(us, false, true), row(7, false, true)}).what, listener_finding::foreign);
    EXPECT_EQ(judge({row(7, true, false), row(us, false, true)}).what, listener_finding::foreign);
    EXPECT_EQ(judge({row(0, true, false, ""), row(us, false, true)}).what, listener_finding::unknown);
    EXPECT_EQ(judge({row(0, true, false, ""), row(7, false, true)}).what, listener_finding::foreign);
}

TEST(listener_policy, names_the_foreigner) {
    EXPECT_EQ(judge({row(4711, true, false)}).who, "python3 (pid 4711)");
    EXPECT_EQ(judge({row(0, true, false, "")}).who, "a process of another user");
}

TEST(listener_policy, sees_a_wide_open_service_and_ignores_what_loopback_never_reaches) {
    EXPECT_TRUE(judge({row(us, true, false)}).every_interface);
    EXPECT_FALSE(judge({row(us, false, true)}).every_interface);
    EXPECT_EQ(judge({row(7, false, false)}).what, listener_finding::none);
}

}  // namespace
}  // namespace corral::supervisor
