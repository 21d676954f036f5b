#include <gmock/gmock.h>

#include "process/process_test_support.hpp"
#include "process/terminals.hpp"

namespace corral::process {
namespace {

class pty : public ::testing::Test {
protected:
    void SetUp() override {
        if (!has_terminals()) {
            GTEST_SKIP() << "this system has no pseudo terminals";
        }
    }
};

TEST_F(pty, a_line_of_buffered_output_arrives_while_the_program_lives) {
    boost::asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({helper_program, "linger"}, stdio_kind::pty));
    ASSERT_TRUE(started) << started.error().message;
    const auto part = run(loop, started->read(output_stream::out));
    ASSERT_TRUE(part && *part);
    EXPECT_EQ(**part, "first line\n");
    EXPECT_TRUE(lives(started->pid()));
    ASSERT_TRUE(started->signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, started->wait()));
}

TEST_F(pty, changes_no_byte) {
    const ended_program seen =
        run_program(spec_of({"printf", R"(a\r\n\033[1m\003\004\032\177\xc3\xa9\n)"}, stdio_kind::pty));
    EXPECT_EQ(seen.out, "a\r\n\x1B[1m\x03\x04\x1A\x7F\xC3\xA9\n");
}

TEST_F(pty, keeps_the_last_words_of_a_program_that_has_ended) {
    boost::asio::io_context loop;
    auto started = child::spawn(loop.get_executor(),
                                spec_of({"sh", "-c", "echo last words; kill -9 $$"}, stdio_kind::pty));
    ASSERT_TRUE(started);
    const auto how = run(loop, started->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "killed by SIGKILL");
    EXPECT_EQ(run(loop, read_all(*started, output_stream::out)), "last words\n");
}

TEST_F(pty, its_end_is_an_end_and_stays_one) {
    boost::asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"true"}, stdio_kind::pty));
    ASSERT_TRUE(started);
    for (int time = 0; time < 3; ++time) {
        const auto part = run(loop, started->read(output_stream::out));
        ASSERT_TRUE(part && *part);
        EXPECT_EQ(**part, "");
    }
    EXPECT_TRUE(run(loop, started->wait()));
}

TEST_F(pty, standard_error_stays_a_pipe) {
    const ended_program seen = run_program(
        spec_of({"sh", "-c", "[ -t 1 ] && echo terminal; [ -t 2 ] || echo pipe >&2"}, stdio_kind::pty));
    EXPECT_EQ(seen.out, "terminal\n");
    EXPECT_EQ(seen.err, "pipe\n");
}

TEST_F(pty, carries_more_than_its_buffer) {
    EXPECT_EQ(run_program(spec_of({"sh", "-c", "head -c 500000 /dev/zero"}, stdio_kind::pty)).out.size(),
              500000U);
}

TEST_F(pty, a_program_that_makes_its_own_group_runs) {
    const ended_program seen = run_program(spec_of(
        {"python3", "-c", "import os; os.setpgrp(); print(os.getpgrp() == os.getpid())"}, stdio_kind::pty));
    EXPECT_EQ(seen.out, "True\n") << seen.err;
}

}  // namespace
}  // namespace corral::process
