#include <cerrno>

#include <array>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>

#include "corral/core/owned_fd.hpp"
#include "corral/process/warden.hpp"
#include "process/held_program.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

using testing::HasSubstr;

core::failure failure_of(boost::asio::io_context& loop, const spawn_spec& what) {
    auto started = child::spawn(loop.get_executor(), what);
    if (!started) {
        return started.error();
    }
    run(loop, started->wait());
    return started->failed_start().value_or(core::failure{{}, core::reason::unlisted("it started")});
}

core::failure failure_of(const spawn_spec& what) {
    boost::asio::io_context loop;
    return failure_of(loop, what);
}

TEST(failed_spawn, names_the_program_and_the_reason) {
    const scratch_folder folder;
    const std::string no_bit = folder.write("no-bit", "#!/bin/sh\n", false);
    EXPECT_EQ(failure_of(spec_of({no_bit})).message, "cannot execute '" + no_bit + "': Permission denied");
    EXPECT_EQ(failure_of(spec_of({no_bit})).code.value(), EACCES);

    const core::failure missing = failure_of(spec_of({folder.path("main_api")}));
    EXPECT_EQ(missing.code.value(), ENOENT);
    EXPECT_THAT(missing.message, HasSubstr("No such file or directory"));

    EXPECT_EQ(failure_of(spec_of({"no-such-program-at-all"})).message,
              "cannot find 'no-such-program-at-all' in PATH");
    EXPECT_EQ(failure_of(spec_of({})).code, core::make_error_code(core::errc::invalid));

    spawn_spec elsewhere = spec_of({"true"});
    elsewhere.working_directory = folder.path("absent");
    EXPECT_EQ(failure_of(elsewhere).message, "cannot start 'true': cannot enter directory '" +
                                                 folder.path("absent") + "': No such file or directory");
}

TEST(failed_spawn, never_gives_a_text_to_a_shell) {
    const scratch_folder folder;
    const std::string trap = folder.write("trap", "touch " + folder.path("ran") + "\n");
    const core::failure refused = failure_of(spec_of({trap}));
    EXPECT_EQ(refused.code.value(), ENOEXEC);
    EXPECT_THAT(refused.message, HasSubstr("not a program for this machine"));
    EXPECT_FALSE(std::filesystem::exists(folder.path("ran")));
}

TEST(failed_spawn, two_hundred_leave_neither_a_zombie_nor_a_descriptor) {
    const scratch_folder folder;
    const std::string text = folder.write("text", "words\n");
    boost::asio::io_context loop;
    static_cast<void>(failure_of(loop, spec_of({text})));  // sets up what the loop keeps
    const std::size_t descriptors = open_descriptors();
    for (int turn = 0; turn < 200; ++turn) {
        const auto stdio = turn % 2 == 0 ? stdio_kind::pipe : stdio_kind::pty_or_pipe;
        ASSERT_EQ(failure_of(loop, spec_of({text}, stdio)).code.value(), ENOEXEC);
    }
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_EQ(children_of_this_process(), 0U);
}

// Whichever descriptor can't be had, the failure is told and nothing stays.
TEST(failed_spawn, running_out_of_descriptors_at_any_step_leaves_nothing) {
    boost::asio::io_context loop;
    static_cast<void>(failure_of(loop, spec_of({"/nonexistent"})));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const std::size_t descriptors = open_descriptors();
    const core::owned_fd next_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const auto lowest = static_cast<rlim_t>(next_free.get());
    int failures = 0;
    bool worked = false;
    for (rlim_t allowed = lowest; allowed < lowest + 16 && !worked; ++allowed) {
        rlimit tight = before;
        tight.rlim_cur = allowed;
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
        auto started = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        if (started) {
            worked = true;
            EXPECT_TRUE(started->signal_group(SIGKILL));
            EXPECT_TRUE(run(loop, started->wait()));
        } else {
            ++failures;
            EXPECT_EQ(started.error().code.value(), EMFILE) << started.error().message;
            EXPECT_EQ(open_descriptors(), descriptors + 1) << started.error().message;
            EXPECT_EQ(children_of_this_process(), 0U) << started.error().message;
        }
    }
    EXPECT_TRUE(worked);
    EXPECT_GE(failures, 5);
}

class dead_disk : public testing::Test {
protected:
    void SetUp() override {
        std::filesystem::copy_file("/bin/true", program);
        if (!hold()) {
            GTEST_SKIP() << "files can't be held here";
        }
    }
    bool hold() {
        disk.emplace(program);
        return disk->holds();
    }
    [[nodiscard]] child started() {
        auto made = child::spawn(loop.get_executor(), spec_of({program}));
        EXPECT_TRUE(made) << made.error().message;
        return std::move(made.value());
    }

    const scratch_folder folder;
    const std::string program = folder.path("program");
    std::optional<held_exec> disk;
    boost::asio::io_context loop;
};

TEST_F(dead_disk, holds_up_nobody_and_nothing) {
    std::array<int, 2> line{};
    ASSERT_EQ(::pipe2(line.data(), O_CLOEXEC), 0);
    core::owned_fd reader(line[0]);
    core::owned_fd writer(line[1]);
    child waiting = started();
    writer.reset();
    pollfd waited{reader.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waited, 1, 10'000), 1) << "the child keeps open what is ours";
    EXPECT_TRUE(disk->let_go());
    await_exec(loop, waiting);
    const auto how = run(loop, waiting.wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "exit status 0");
    EXPECT_FALSE(waiting.failed_start());
}

// The best of some, for others may have the processor.
TEST_F(dead_disk, costs_the_loop_a_fork) {
    auto best = std::chrono::steady_clock::duration::max();
    for (int turn = 0; turn < 8; ++turn) {
        const auto began = std::chrono::steady_clock::now();
        child waiting = started();
        best = std::min(best, std::chrono::steady_clock::now() - began);
        EXPECT_TRUE(waiting.signal_group(SIGKILL)) << "its group is there at once";
        const auto how = run(loop, waiting.wait());
        ASSERT_TRUE(how);
        EXPECT_EQ(describe(*how), "killed by SIGKILL");
        EXPECT_FALSE(waiting.failed_start());
    }
    EXPECT_LT(best, std::chrono::milliseconds{150});
}

TEST_F(dead_disk, an_exec_that_fails_late_is_told_with_its_cause) {
    disk.reset();
    folder.write("program", "words\n");
    ASSERT_TRUE(hold());
    child waiting = started();
    EXPECT_FALSE(waiting.failed_start());
    EXPECT_TRUE(disk->let_go());
    const auto how = run(loop, waiting.wait());
    ASSERT_TRUE(how);
    ASSERT_TRUE(waiting.failed_start());
    EXPECT_EQ(waiting.failed_start()->code.value(), ENOEXEC);
}

TEST_F(dead_disk, whoever_waits_for_it_can_be_killed_with_all_that_is_its_own) {
    child waiting = started();
    EXPECT_TRUE(eventually([&] {
        reap_orphans();
        return waiting.kill_family();
    }));
    const auto how = run(loop, waiting.wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "killed by SIGKILL");
}

}  // namespace
}  // namespace corral::process
