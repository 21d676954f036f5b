// What an exec of this very process leaves to its next image: children and their warden.

#include <csignal>

#include <fcntl.h>
#include <sys/prctl.h>

#include "corral/process/warden.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

// As after an exec: the same child by descriptors that nobody else watches.
child_handover left_by(const child& of) {
    child_handover out = of.hand_over();
    out.out = ::fcntl(out.out, F_DUPFD_CLOEXEC, 3);
    out.err = ::fcntl(out.err, F_DUPFD_CLOEXEC, 3);
    return out;
}

TEST(adoption, an_adopted_child_is_read_signalled_and_reaped) {
    boost::asio::io_context before;
    boost::asio::io_context loop;
    auto first = child::spawn(before.get_executor(),
                              spec_of({"/bin/sh", "-c", "echo hello; echo wrong >&2; sleep 100"}));
    ASSERT_TRUE(first);
    auto adopted = child::adopt(loop.get_executor(), left_by(*first));
    ASSERT_TRUE(adopted) << adopted.error().message;
    EXPECT_EQ(adopted->pid(), first->pid());
    const auto out = run(loop, adopted->read(output_stream::out));
    ASSERT_TRUE(out && *out);
    EXPECT_EQ(**out, "hello\n");
    const auto err = run(loop, adopted->read(output_stream::err));
    ASSERT_TRUE(err && *err);
    EXPECT_EQ(**err, "wrong\n");
    EXPECT_TRUE(adopted->group_alive());
    EXPECT_TRUE(adopted->signal_group(SIGTERM));
    const auto how = run(loop, adopted->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "killed by SIGTERM");
    EXPECT_TRUE(eventually([&] { return !adopted->group_alive(); }));
}

TEST(adoption, a_child_that_ended_in_between_tells_its_status) {
    boost::asio::io_context before;
    boost::asio::io_context loop;
    auto first = child::spawn(before.get_executor(), spec_of({"/bin/sh", "-c", "exit 7"}));
    ASSERT_TRUE(first);
    const auto end = std::chrono::steady_clock::now() + long_enough;
    while (!read_process(first->pid())->ended() && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    auto adopted = child::adopt(loop.get_executor(), left_by(*first));
    ASSERT_TRUE(adopted) << adopted.error().message;
    const auto how = run(loop, adopted->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "exit status 7");
}

TEST(adoption, streams_that_ended_stay_ended) {
    boost::asio::io_context loop;
    auto first = child::spawn(loop.get_executor(), spec_of({"/bin/sh", "-c", "exec >&- 2>&-; sleep 100"}));
    ASSERT_TRUE(first);
    EXPECT_EQ(run(loop, read_all(*first, output_stream::out)), "");
    EXPECT_EQ(run(loop, read_all(*first, output_stream::err)), "");
    const child_handover left = first->hand_over();
    EXPECT_EQ(left.out, -1);
    EXPECT_EQ(left.err, -1);
    auto adopted = child::adopt(loop.get_executor(), left);
    ASSERT_TRUE(adopted);
    EXPECT_EQ(run(loop, read_all(*adopted, output_stream::out)), "");
    EXPECT_TRUE(adopted->signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, adopted->wait()));
}

TEST(adoption, what_is_not_a_child_with_its_own_streams_is_refused) {
    boost::asio::io_context loop;
    auto real = child::spawn(loop.get_executor(), spec_of({"/bin/sleep", "100"}));
    ASSERT_TRUE(real);
    const child_handover good = real->hand_over();
    EXPECT_TRUE(child::can_adopt(good));
    for (const pid_t pid : {pid_t{0}, pid_t{1}, pid_t{-1}, ::getpid(), ::getppid(), pid_t{0x3fffffff}}) {
        EXPECT_FALSE(child::can_adopt({pid, -1, -1, false})) << pid;
    }
    child_handover spoilt = good;
    for (const int fd : {0, 1, 2, 999'999, -2}) {
        spoilt.out = fd;
        EXPECT_FALSE(child::can_adopt(spoilt)) << fd;
    }
    spoilt.out = spoilt.err;
    EXPECT_FALSE(child::can_adopt(spoilt));
    EXPECT_TRUE(real->signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, real->wait()));
}

// A warden makes its process adopt orphans, which other tests of this program do not expect.
struct subreaper_ends {
    ~subreaper_ends() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }
};

TEST(adoption, a_warden_goes_on_with_its_groups_and_is_only_our_own) {
    const subreaper_ends after;
    auto first = warden::start();
    ASSERT_TRUE(first) << first.error().message;
    boost::asio::io_context loop;
    auto watched = child::spawn(loop.get_executor(), spec_of({"/bin/sleep", "100"}));
    ASSERT_TRUE(watched);
    ASSERT_TRUE(first->watch_group(watched->pid()));
    warden_handover left = first->hand_over();
    EXPECT_EQ(left.groups, std::set<pid_t>{watched->pid()});
    left.pipe = ::fcntl(left.pipe, F_DUPFD_CLOEXEC, 3);

    warden_handover strange = left;
    strange.token = "1.2.3.4.somebody";
    EXPECT_FALSE(warden::adopt(strange));
    strange = left;
    strange.pipe = STDIN_FILENO;
    EXPECT_FALSE(warden::adopt(strange));
    strange = left;
    strange.pid = ::getppid();
    EXPECT_FALSE(warden::adopt(strange));

    auto adopted = warden::adopt(left);
    ASSERT_TRUE(adopted) << adopted.error().message;
    EXPECT_EQ(adopted->token(), first->token());
    EXPECT_EQ(adopted->pid(), first->pid());
    // Its end replaces it, with the groups it had.
    ::kill(adopted->pid(), SIGKILL);
    const auto end = std::chrono::steady_clock::now() + long_enough;
    core::result<bool> replaced = false;
    while (replaced && !*replaced && std::chrono::steady_clock::now() < end) {
        replaced = adopted->look_after();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ASSERT_TRUE(replaced && *replaced);
    { const auto over = std::move(*adopted); }
    const auto how = run(loop, watched->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "killed by SIGKILL");
}

}  // namespace
}  // namespace corral::process
