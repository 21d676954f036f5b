// Starts of programs whose disk does not answer.

#include "process/held_program.hpp"
#include "supervisor/group_fixture.hpp"

namespace corral::supervisor {
namespace {

class group_dead_disk : public group_fixture {
protected:
    // A service whose program is a file of the test.
    void add_program() {
        std::ofstream(program) << "#!/bin/sh\nexec python3 \"$@\"\n";
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        add("runtime").command.command[0] = program;
        wanted.restart.intensity = 1000;
    }
    // How long the loop was held at most, until the condition holds.
    template <typename Condition>
    core::nanoseconds longest_stall(Condition until) {
        core::nanoseconds longest{0};
        auto last = std::chrono::steady_clock::now();
        EXPECT_TRUE(run_until([&] {
            const auto now = std::chrono::steady_clock::now();
            longest = std::max<core::nanoseconds>(longest, now - last);
            last = now;
            return until();
        }));
        return longest;
    }

    const std::string program = folder / "main_api";
};

TEST_F(group_dead_disk, holds_up_nobody_is_named_and_heals_by_itself) {
    add_program();
    process::held_open disk(program);
    if (!disk.holds()) {
        GTEST_SKIP() << "this user may not hold up an open";
    }
    const auto began = std::chrono::steady_clock::now();
    start();
    const auto told = [this] {
        return status().reason.text().find("the disk does not answer") != std::string::npos;
    };
    EXPECT_LT(longest_stall(told), seconds{3});
    EXPECT_GT(std::chrono::steady_clock::now() - began, seconds{3}) << "it was looked for";
    EXPECT_EQ(starts(), 0U);
    disk.let_go();
    EXPECT_EQ(wait_ready(), "");
    EXPECT_TRUE(stop());
}

TEST_F(group_dead_disk, a_stop_meanwhile_is_at_once_and_nothing_comes_after_it) {
    add_program();
    process::held_open disk(program);
    if (!disk.holds()) {
        GTEST_SKIP() << "this user may not hold up an open";
    }
    start();
    run_until([] { return false; }, std::chrono::milliseconds(100));
    EXPECT_TRUE(stop());
    disk.let_go();
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
    EXPECT_EQ(starts(), 0U);
    EXPECT_EQ(status().state, service_state::stopped);
}

TEST_F(group_dead_disk, a_process_that_waits_for_its_program_has_an_owner_whatever_comes) {
    add_program();
    process::held_exec disk(program);
    if (!disk.holds()) {
        GTEST_SKIP() << "files can't be held here";
    }
    for (const bool ordered : {true, false}) {
        start();
        EXPECT_LT(longest_stall([this] { return status().pid != 0; }), seconds{3});
        const pid_t pid = status().pid;
        run_until([] { return false; }, std::chrono::milliseconds(100));
        EXPECT_EQ(status().state, service_state::starting);
        EXPECT_EQ(status().warning, "") << "what is open in it is not its own yet";
        if (ordered) {
            EXPECT_TRUE(stop());
        } else {
            made.reset();
        }
        EXPECT_TRUE(run_until([&] {
            process::reap_orphans();
            return !process_lives(pid);
        }));
    }
}

TEST_F(group_dead_disk, a_start_that_waits_for_its_program_too_long_says_so) {
    add_program();
    process::held_exec disk(program);
    if (!disk.holds()) {
        GTEST_SKIP() << "files can't be held here";
    }
    wanted.services[0].rules.start_stall = milliseconds{500};
    wanted.restart.intensity = 0;
    start();
    const std::string why = wait_ready();
    EXPECT_NE(why.find("its program has not started: its disk does not respond"), std::string::npos) << why;
}

}  // namespace
}  // namespace corral::supervisor
