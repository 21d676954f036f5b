#include <cerrno>

#include <array>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/resource.h>

#include "corral/core/owned_fd.hpp"
#include "corral/process/warden.hpp"
#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

using testing::HasSubstr;

core::failure failure_of(const spawn_spec& what) {
    boost::asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), what);
    return started ? core::failure{{}, "it started"} : started.error();
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
    static_cast<void>(child::spawn(loop.get_executor(), spec_of({text})));  // sets up what the loop keeps
    const std::size_t descriptors = open_descriptors();
    for (int turn = 0; turn < 200; ++turn) {
        ASSERT_FALSE(child::spawn(loop.get_executor(),
                                  spec_of({text}, turn % 2 == 0 ? stdio_kind::pipe : stdio_kind::pty)));
    }
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_EQ(children_of_this_process(), 0U);
}

// Whichever descriptor can't be had, the failure is told and nothing stays.
TEST(failed_spawn, running_out_of_descriptors_at_any_step_leaves_nothing) {
    boost::asio::io_context loop;
    static_cast<void>(child::spawn(loop.get_executor(), spec_of({"/nonexistent"})));
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

// Its disk is one that answers nobody before it is told to.
class held_program {
public:
    explicit held_program(const std::string& path)
        : bell_(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC)) {
        held_ = bell_.valid() &&
                ::fanotify_mark(bell_.get(), FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, path.c_str()) == 0;
    }
    [[nodiscard]] bool holds() const { return held_; }
    bool let_go() {
        fanotify_event_metadata event{};
        if (::read(bell_.get(), &event, sizeof event) < static_cast<ssize_t>(sizeof event)) {
            return false;
        }
        const core::owned_fd asked(event.fd);
        const fanotify_response answer{event.fd, FAN_ALLOW};
        return ::write(bell_.get(), &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer);
    }

private:
    core::owned_fd bell_;
    bool held_ = false;
};

TEST(spawn, a_program_whose_disk_does_not_answer_holds_up_nobody_and_nothing) {
    const scratch_folder folder;
    const std::string program = folder.path("program");
    std::filesystem::copy_file("/bin/true", program);
    held_program disk(program);
    if (!disk.holds()) {
        GTEST_SKIP() << "this user may not hold up an exec";
    }
    std::array<int, 2> line{};
    ASSERT_EQ(::pipe2(line.data(), O_CLOEXEC), 0);
    core::owned_fd reader(line[0]);
    core::owned_fd writer(line[1]);
    boost::asio::io_context loop;
    const auto began = std::chrono::steady_clock::now();
    auto started = child::spawn(loop.get_executor(), spec_of({program}));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{2});
    ASSERT_TRUE(started) << started.error().message;
    writer.reset();
    pollfd waited{reader.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waited, 1, 2000), 1) << "the child keeps open what is ours";
    EXPECT_TRUE(eventually([&] { return disk.let_go(); }));
    const auto how = run(loop, started->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "exit status 0");
}

TEST(spawn, a_child_that_waits_for_its_disk_can_be_killed) {
    const scratch_folder folder;
    const std::string program = folder.path("program");
    std::filesystem::copy_file("/bin/true", program);
    held_program disk(program);
    if (!disk.holds()) {
        GTEST_SKIP() << "this user may not hold up an exec";
    }
    boost::asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({program}));
    ASSERT_TRUE(started);
    EXPECT_TRUE(eventually([&] {
        reap_orphans();
        return started->kill_family();
    }));
    const auto how = run(loop, started->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "killed by SIGKILL");
}

}  // namespace
}  // namespace corral::process
