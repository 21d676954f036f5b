#include "process/proc_files.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace corral::process {
namespace {

TEST(parse_process, is_not_fooled_by_a_name) {
    const auto row =
        parse_process("77 (a) R 1 (b\n) S 5 6 7 0 -1 0 0 0 0 0 31 11 0 0 20 0 1 0 987654 1 2 3\n");
    ASSERT_TRUE(row);
    EXPECT_EQ(row->pid, 77);
    EXPECT_EQ(row->state, 'S');
    EXPECT_EQ(row->parent, 5);
    EXPECT_EQ(row->group, 6);
    EXPECT_EQ(row->used_ticks, 42U);
    EXPECT_EQ(row->start_time, 987654U);
    EXPECT_EQ(row->resident_pages, 2U);
}

TEST(parse_process, refuses_what_is_cut_or_foreign) {
    for (const char* text : {"", "77", "77 (sh)", "77 (sh) ", "77 (sh) S 1",
                             "x (sh) S 5 6 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 1",
                             "77 (sh) S 5 y 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 1"}) {
        EXPECT_FALSE(parse_process(text)) << text;
    }
}

TEST(read_process, knows_ourselves) {
    const auto row = read_process(::getpid());
    ASSERT_TRUE(row);
    EXPECT_EQ(row->pid, ::getpid());
    EXPECT_EQ(row->parent, ::getppid());
    EXPECT_EQ(row->group, ::getpgrp());
    EXPECT_FALSE(row->ended());
    EXPECT_GT(row->start_time, 0U);
}

TEST(environment_of, finds_whole_names_only) {
    EXPECT_TRUE(environment_of(::getpid(), "PATH"));
    EXPECT_FALSE(environment_of(::getpid(), "PAT"));
    EXPECT_FALSE(environment_of(::getpid(), "NO_SUCH_VARIABLE_HERE"));
}

}  // namespace
}  // namespace corral::process
