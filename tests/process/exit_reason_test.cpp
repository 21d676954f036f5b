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

TEST(memory_kills, are_counted_by_the_kernel) {
    EXPECT_EQ(memory_kills_in("pgfault 7\noom_kill 3\nunevictable_pgs 0\n"), 3U);
    EXPECT_EQ(memory_kills_in("oom_kill 12"), 12U);
    EXPECT_EQ(memory_kills_in("xoom_kill 12\noom_kills 4\n"), 0U);
    EXPECT_EQ(memory_kills_in("oom_kill x\n"), 0U);
    EXPECT_EQ(memory_kills_in(""), 0U);
}

}  // namespace
}  // namespace corral::process
