#include "corral/process/own_process.hpp"

#include <csignal>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/process_test_support.hpp"

namespace corral::process {

namespace {

TEST(replace_image, a_failure_leaves_everything_as_it_was) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    sigset_t before;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    const auto why = replace_image("/no/such/program", {"corral"}, {{"A", "b"}}, {ends[0]});
    EXPECT_NE(why.message.text().find("/no/such/program"), std::string::npos);
    EXPECT_EQ(::fcntl(ends[0], F_GETFD), FD_CLOEXEC);
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    EXPECT_EQ(::sigismember(&after, SIGTERM), ::sigismember(&before, SIGTERM));
    const auto unkept = replace_image("/bin/true", {"true"}, {}, {999'999});
    EXPECT_TRUE(unkept.code) << "what can't be kept stops it";
    ::close(ends[0]);
    ::close(ends[1]);
}

// In a process of its own, for it becomes another program.
TEST(replace_image, only_what_is_kept_stays_open_and_all_signals_wait) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, 0), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        const int kept = ::fcntl(ends[0], F_DUPFD_CLOEXEC, 100);
        (void)replace_image(helper_program, {helper_program, "descriptors"}, {}, {kept});
        ::_exit(9);
    }
    ::close(ends[1]);
    std::string said;
    char part[256];
    for (ssize_t got = 0; (got = ::read(ends[0], part, sizeof part)) > 0;) {
        said.append(part, static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(said, "0 1 2 100 \n");
}

}  // namespace

namespace {

TEST(sealed_memory, gives_back_what_was_put_in_and_nothing_else_is_one) {
    const std::string text(100'000, 'x');
    const auto memory = make_sealed_memory(text);
    ASSERT_TRUE(memory);
    EXPECT_EQ(::write(*memory, "y", 1), -1) << "sealed";
    for (int again = 0; again < 2; ++again) {
        const auto read = read_sealed_memory(*memory, text.size());
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(*read, text);
    }
    EXPECT_FALSE(read_sealed_memory(*memory, text.size() - 1)) << "beyond the limit";
    ::close(*memory);
    EXPECT_FALSE(read_sealed_memory(*memory, 10));
    EXPECT_FALSE(read_sealed_memory(STDIN_FILENO, 10));
    const int open = ::memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT_FALSE(read_sealed_memory(open, 10)) << "not sealed";
    ::close(open);
}

}  // namespace

}  // namespace corral::process
