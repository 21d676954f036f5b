#include "corral/process/memory_kills.hpp"

#include <gtest/gtest.h>

namespace corral::process {
namespace {

TEST(memory_kills, are_counted_by_the_kernel) {
    EXPECT_EQ(memory_kills_in("pgfault 7\noom_kill 3\nunevictable_pgs 0\n"), 3U);
    EXPECT_EQ(memory_kills_in("oom_kill 12"), 12U);
    EXPECT_EQ(memory_kills_in("xoom_kill 12\noom_kills 4\n"), 0U);
    EXPECT_EQ(memory_kills_in("oom_kill x\n"), 0U);
    EXPECT_EQ(memory_kills_in(""), 0U);
}

}  // namespace
}  // namespace corral::process
