// Nothing of the daemon reaches a child, and nothing of a child stays with the daemon.

#include <csignal>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <boost/asio/ip/tcp.hpp>

#include "corral/core/owned_fd.hpp"
#include "corral/process/own_process.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

TEST(inheritance, a_child_has_its_three_descriptors_only) {
    boost::asio::io_context loop;
    using boost::asio::ip::tcp;
    const tcp::acceptor listener(loop, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const core::owned_fd plain(::open("/dev/null", O_RDONLY));
    const core::owned_fd far_away(::fcntl(plain.get(), F_DUPFD, 700));
    ASSERT_TRUE(far_away.valid());
    EXPECT_EQ(run_program(spec_of({helper_program, "descriptors"})).out, "0 1 2 \n");
    EXPECT_EQ(run_program(spec_of({helper_program, "descriptors"}, stdio_kind::pty_or_pipe)).out, "0 1 2 \n");
}

TEST(inheritance, works_when_the_daemon_was_started_with_closed_standard_streams) {
    const core::owned_fd kept_in(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100));
    const core::owned_fd kept_out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100));
    ::close(STDIN_FILENO);
    ::close(STDOUT_FILENO);
    const ended_program seen = run_program(spec_of({helper_program, "descriptors"}));
    if (kept_in.valid()) {
        ::dup2(kept_in.get(), STDIN_FILENO);
    }
    ::dup2(kept_out.get(), STDOUT_FILENO);
    EXPECT_EQ(seen.out, "0 1 2 \n");
}

TEST(inheritance, a_child_is_taken_before_us_when_memory_is_short) {
    EXPECT_EQ(run_program(spec_of({"/bin/cat", "/proc/self/oom_score_adj"})).out, "300\n");
    // One that somebody has set higher stays.
    EXPECT_EQ(run_program(spec_of({"/bin/sh", "-c",
                                   "echo 700 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj"}))
                  .out,
              "700\n");
}

TEST(inheritance, a_child_starts_with_default_signals) {
    const auto before = ::signal(SIGINT, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t blocked;
    sigset_t old;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::sigaddset(&blocked, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &blocked, &old);
    spawn_spec asked = spec_of({helper_program, "signals"});
    // A helper built with a sanitizer would find the sanitizer's own handlers.
    asked.environment["ASAN_OPTIONS"] = "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0";
    const ended_program seen = run_program(asked);
    sigset_t after;
    ::sigprocmask(SIG_SETMASK, &old, &after);
    ::signal(SIGINT, before);
    ::signal(SIGPIPE, SIG_DFL);
    EXPECT_EQ(seen.out, "\n");
    EXPECT_EQ(::sigismember(&after, SIGTERM), 1) << "our own mask was changed";
    EXPECT_EQ(::sigismember(&after, SIGCHLD), 0) << "our own mask was changed";
}

TEST(inheritance, a_child_leads_its_group_dies_with_us_and_has_its_limits) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit low = before;
    low.rlim_cur = 321;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    ASSERT_TRUE(raise_descriptor_limit());
    rlimit raised{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &raised), 0);
    EXPECT_EQ(raised.rlim_cur, before.rlim_max);
    const scratch_folder folder;
    spawn_spec what = spec_of({helper_program, "place"});
    what.working_directory = folder.path();
    const ended_program seen = run_program(what);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(seen.out, "leader=1 death=9 core=0 files=321 directory=" + folder.path() + '\n');
}

TEST(inheritance, a_hundred_children_leave_no_descriptor_behind) {
    run_program(spec_of({"true"}));
    const std::size_t before = open_descriptors();
    for (int turn = 0; turn < 50; ++turn) {
        run_program(spec_of({"true"}));
        run_program(spec_of({"true"}, stdio_kind::pty_or_pipe));
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(children_of_this_process(), 0U);
}

}  // namespace
}  // namespace corral::process
