#include "corral/process/child.hpp"

#include <gmock/gmock.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

#include "process/process_test_support.hpp"

namespace corral::process {
namespace {

namespace asio = boost::asio;

struct ending {
    std::vector<std::string> command;
    std::string how;
};

TEST(child, tells_codes_and_signals_apart) {
    const std::vector<ending> endings = {
        {{"true"}, "exit status 0"},
        {{"sh", "-c", "exit 255"}, "exit status 255"},
        {{"sh", "-c", "exit 139"}, "exit status 139"},  // what a shell says of a crash is still a code
        {{"sh", "-c", "kill -9 $$"}, "killed by SIGKILL"},
        {{"sh", "-c", "kill -SEGV $$"}, "killed by SIGSEGV"},
        {{helper_program, "abort"}, "killed by SIGABRT"},
    };
    for (const ending& expected : endings) {
        EXPECT_EQ(run_program(spec_of(expected.command)).how, expected.how)
            << testing::PrintToString(expected.command);
    }
}

TEST(child, describes_every_kind_of_end) {
    EXPECT_EQ(describe(exited_with{3}), "exit status 3");
    EXPECT_EQ(describe(killed_by{SIGSEGV, true}), "killed by SIGSEGV (core dumped)");
    EXPECT_EQ(describe(killed_by{SIGRTMIN + 3, false}), "killed by signal " + std::to_string(SIGRTMIN + 3));
    EXPECT_THAT(describe(lost_track{asio::error::operation_aborted}),
                testing::StartsWith("exit status unknown ("));
}

TEST(child, keeps_its_two_streams_apart) {
    const ended_program seen = run_program(spec_of({"sh", "-c", "printf words; printf complaints >&2"}));
    EXPECT_EQ(seen.out, "words");
    EXPECT_EQ(seen.err, "complaints");
}

TEST(child, hands_over_more_output_than_a_pipe_holds) {
    const ended_program seen = run_program(spec_of({"sh", "-c", "head -c 3000000 /dev/zero"}));
    EXPECT_EQ(seen.out.size(), 3000000U);
    EXPECT_EQ(seen.how, "exit status 0");
}

TEST(child, reads_no_input) {
    EXPECT_EQ(run_program(spec_of({"sh", "-c", "cat; echo end"})).out, "end\n");
}

TEST(child, gets_exactly_the_environment_named) {
    spawn_spec what = spec_of({"/usr/bin/env"});
    what.environment = {{"ONE", "1"}, {"EMPTY", ""}};
    EXPECT_EQ(run_program(what).out, "EMPTY=\nONE=1\n");
}

TEST(child, finds_its_program_in_the_path_of_its_own_environment) {
    const scratch_folder folder;
    folder.write("only-here", "#!/bin/sh\necho found $1\n");
    spawn_spec what = spec_of({"only-here", "it"});
    what.environment["PATH"] = "/nowhere:" + folder.path();
    EXPECT_EQ(run_program(what).out, "found it\n");
}

TEST(child, runs_in_its_working_directory_and_finds_its_program_from_there) {
    const scratch_folder folder;
    folder.write("main_api", "#!/bin/sh\npwd\n");
    spawn_spec what = spec_of({"./main_api"});
    what.working_directory = folder.path();
    EXPECT_EQ(run_program(what).out, folder.path() + '\n');
}

TEST(child, can_be_waited_for_again) {
    asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"sh", "-c", "exit 7"}));
    ASSERT_TRUE(started);
    for (int time = 0; time < 3; ++time) {
        const auto how = run(loop, started->wait());
        ASSERT_TRUE(how);
        EXPECT_EQ(describe(*how), "exit status 7");
    }
}

TEST(child, tells_two_waiters_the_same) {
    asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(started);
    std::vector<std::string> told;
    for (int waiter = 0; waiter < 2; ++waiter) {
        asio::co_spawn(loop, started->wait(), [&told](std::exception_ptr error, exit_reason how) {
            told.push_back(error ? std::string("thrown") : describe(how).text());
        });
    }
    ASSERT_TRUE(started->signal_leader(SIGTERM));
    loop.run_for(long_enough);
    EXPECT_THAT(told, testing::ElementsAre("killed by SIGTERM", "killed by SIGTERM"));
}

TEST(child, a_cancelled_wait_reaps_nothing_and_can_be_repeated) {
    asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(started);
    asio::cancellation_signal cancel;
    std::optional<exit_reason> told;
    asio::co_spawn(
        loop, started->wait(),
        asio::bind_cancellation_slot(cancel.slot(), [&told](std::exception_ptr error, exit_reason how) {
            EXPECT_FALSE(error);
            told = how;
        }));
    loop.poll();
    ASSERT_FALSE(told);
    cancel.emit(asio::cancellation_type::terminal);
    loop.run_for(long_enough);
    ASSERT_TRUE(told);
    const auto* lost = std::get_if<lost_track>(&*told);
    ASSERT_NE(lost, nullptr) << describe(*told);
    EXPECT_EQ(lost->why, asio::error::operation_aborted);
    EXPECT_TRUE(lives(started->pid()));

    ASSERT_TRUE(started->signal_leader(SIGKILL));
    const auto how = run(loop, started->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "killed by SIGKILL");
}

TEST(child, a_cancel_that_comes_after_the_end_loses_no_status) {
    asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(started);
    asio::cancellation_signal cancel;
    asio::co_spawn(loop, started->wait(),
                   asio::bind_cancellation_slot(cancel.slot(), [](std::exception_ptr, exit_reason) {}));
    loop.poll();
    ASSERT_TRUE(started->signal_leader(SIGTERM));
    ASSERT_TRUE(eventually([&] { return !lives(started->pid()); }));
    cancel.emit(asio::cancellation_type::terminal);
    loop.run_for(long_enough);
    const auto how = run(loop, started->wait());
    ASSERT_TRUE(how);
    EXPECT_EQ(describe(*how), "killed by SIGTERM");
}

TEST(child, a_cancelled_read_loses_no_output) {
    asio::io_context loop;
    const scratch_folder folder;
    auto started = child::spawn(
        loop.get_executor(),
        spec_of({"sh", "-c", "while [ ! -e " + folder.path("go") + " ]; do sleep 0.01; done; echo late"}));
    ASSERT_TRUE(started);
    asio::cancellation_signal cancel;
    bool cancelled = false;
    asio::co_spawn(loop, started->read(output_stream::out),
                   asio::bind_cancellation_slot(
                       cancel.slot(), [&](std::exception_ptr error, core::result<std::string> part) {
                           EXPECT_FALSE(error);
                           cancelled = !part && part.error().code == asio::error::operation_aborted;
                       }));
    loop.poll();
    cancel.emit(asio::cancellation_type::terminal);
    loop.run_for(long_enough);
    EXPECT_TRUE(cancelled);
    folder.write("go", "");
    EXPECT_EQ(run(loop, read_all(*started, output_stream::out)), "late\n");
    EXPECT_TRUE(run(loop, started->wait()));
}

TEST(child, signals_after_its_end_are_no_error) {
    asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"true"}));
    ASSERT_TRUE(started);
    ASSERT_TRUE(run(loop, started->wait()));
    EXPECT_TRUE(started->signal_leader(SIGTERM));
    EXPECT_TRUE(started->signal_group(SIGKILL));
}

TEST(child, has_ended_as_soon_as_it_is_dead_whoever_has_heard_of_it) {
    asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(started);
    EXPECT_FALSE(started->ended());
    EXPECT_TRUE(started->signal_leader(SIGKILL));
    EXPECT_TRUE(eventually([&] { return started->ended(); })) << "nobody has waited for it";
    ASSERT_TRUE(run(loop, started->wait()));
    EXPECT_TRUE(started->ended());
}

TEST(child, an_invalid_signal_is_an_error) {
    asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), spec_of({"sleep", "100"}));
    ASSERT_TRUE(started);
    EXPECT_FALSE(started->signal_leader(9999));
    EXPECT_TRUE(started->signal_group(SIGKILL));
    EXPECT_TRUE(run(loop, started->wait()));
}

TEST(child, may_be_given_less_than_we_have) {
    spawn_spec what = spec_of({"sh", "-c", "ulimit -d; ulimit -n; ulimit -Hn; ulimit -c"});
    what.limits.memory = 256 * 1024 * 1024;
    what.limits.descriptors = 100;
    EXPECT_EQ(run_program(what).out, "262144\n100\n100\n0\n");
    what = spec_of({"nice"});
    const int ours = std::stoi(run_program(what).out);
    what.limits.nice = 3;
    EXPECT_EQ(run_program(what).out, std::to_string(std::min(ours + 3, 19)) + "\n");
    what = spec_of({"true"});
    what.limits.descriptors = UINT64_MAX;
    EXPECT_EQ(run_program(what).how, "exit status 0") << "not more than we may hand on";
}

TEST(child, that_asks_for_more_memory_than_its_limit_gets_none) {
    spawn_spec what = spec_of({"python3", "-c", "bytearray(300 << 20)"});
    EXPECT_EQ(run_program(what).how, "exit status 0");
    what.limits.memory = 256 * 1024 * 1024;
    const ended_program refused = run_program(what);
    EXPECT_EQ(refused.how, "exit status 1");
    EXPECT_THAT(refused.err, testing::HasSubstr("MemoryError"));
}

TEST(clean_environment, keeps_the_few_variables_that_programs_need) {
    ASSERT_EQ(::setenv("LC_TIME", "C.UTF-8", 1), 0);
    ASSERT_EQ(::setenv("CORRAL_TEST_SECRET", "x", 1), 0);
    ASSERT_EQ(::setenv("LD_PRELOAD", "", 1), 0);
    const auto kept = clean_environment();
    ASSERT_EQ(::unsetenv("LC_TIME"), 0);
    ASSERT_EQ(::unsetenv("CORRAL_TEST_SECRET"), 0);
    ASSERT_EQ(::unsetenv("LD_PRELOAD"), 0);
    EXPECT_TRUE(kept.contains("PATH"));
    EXPECT_TRUE(kept.contains("LC_TIME"));
    EXPECT_FALSE(kept.contains("CORRAL_TEST_SECRET"));
    EXPECT_FALSE(kept.contains("LD_PRELOAD")) << "what is preloaded into us is not meant for them";
}

}  // namespace
}  // namespace corral::process
