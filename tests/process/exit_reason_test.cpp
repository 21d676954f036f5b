#include "corral/process/exit_reason.hpp"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace corral::process {
namespace {

TEST(is_ending, is_true_of_a_zombie_and_of_nobody_and_of_no_living_process) {
    EXPECT_FALSE(is_ending(::getpid()));
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    ASSERT_GT(child, 0);
    EXPECT_FALSE(is_ending(child));
    ::kill(child, SIGKILL);
    siginfo_t seen{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &seen, WEXITED | WNOWAIT), 0);
    EXPECT_TRUE(is_ending(child)) << "a zombie";
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_TRUE(is_ending(child)) << "nobody";
}

}  // namespace
}  // namespace corral::process
