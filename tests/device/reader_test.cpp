#include "corral/device/reader.hpp"

#include <sys/stat.h>
#include <csignal>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "corral/core/task_group.hpp"
#include "run_until.hpp"

namespace corral::device {
namespace {

using core::milliseconds;
using testing::HasSubstr;

process::warden& the_warden() {
    static auto* const started = new core::result<process::warden>(process::warden::start());
    return started->value();
}

// A tool that is a shell script.
class reader_test : public ::testing::Test {
protected:
    reader_test() : guard(the_warden()) {
        char name[] = "/tmp/corral_device_XXXXXX";
        folder = ::mkdtemp(name);
    }
    ~reader_test() override {
        cancel_all();
        EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
        EXPECT_EQ(task_errors, "");
        std::error_code ignored_on_teardown;
        std::filesystem::remove_all(folder, ignored_on_teardown);
    }

    // Signals of cancellation are given on the loop only.
    void cancel_all() {
        boost::asio::post(io, [this] { tasks.cancel(); });
    }
    template <typename Condition>
    bool run_until(Condition condition) {
        return corral::run_until(io, condition);
    }

    reader& tool(const std::string& script) {
        const auto path = folder / "tool";
        std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
        ::chmod(path.c_str(), 0755);
        reader_options how;
        how.command = {path.string(), folder.string()};
        how.format = "axcl-smi-cmm";
        how.timeout = timeout;
        made = std::make_unique<reader>(reader_context{io.get_executor(), &clock, &guard}, how);
        return *made;
    }
    static core::awaitable<void> keep(reader* from, core::steady_time since, std::optional<device_look>* to) {
        auto looking = from->look(since);
        *to = co_await std::move(looking);
    }
    device_look look(core::steady_time since = {}) {
        std::optional<device_look> found;
        tasks.spawn("look", keep(made.get(), since, &found));
        EXPECT_TRUE(run_until([&found] { return found.has_value(); }));
        return found.value_or(device_look{});
    }
    std::size_t calls() const {
        std::ifstream file(folder / "calls");
        return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
    }
    [[nodiscard]] pid_t written_pid() const {
        pid_t pid = 0;
        std::ifstream(folder / "pid") >> pid;
        return pid;
    }

    process::warden& guard;
    boost::asio::io_context io{1};
    core::steady_clock_source clock;
    std::string task_errors;
    core::task_group tasks{io.get_executor(), [this](const std::string& task, const std::string& what) {
                               task_errors += task + ": " + what + "\n";
                           }};
    std::filesystem::path folder;
    milliseconds timeout{20'000};
    std::unique_ptr<reader> made;
};

const std::string good = "echo x >> $1/calls\necho 'CMM Total : 4096 KiB'\necho 'CMM Used : 1024 KiB'";

TEST_F(reader_test, an_answer_is_read_and_kept_for_a_moment) {
    tool(good);
    EXPECT_EQ(made->last(), nullptr);
    const auto found = look();
    EXPECT_EQ(found.problem, look_problem::none) << found.message;
    EXPECT_EQ(found.report.cards.at(0).model_memory.value().used, 1U);
    ASSERT_NE(made->last(), nullptr);
    EXPECT_EQ(made->last()->at, found.at);
    const auto before = clock.now();
    EXPECT_EQ(look(before).problem, look_problem::none);
    EXPECT_EQ(calls(), 2U) << "an older answer does not answer a younger question";
}

TEST_F(reader_test, those_who_ask_together_share_one_call) {
    tool(good);
    std::optional<device_look> first;
    std::optional<device_look> second;
    tasks.spawn("first", keep(made.get(), {}, &first));
    tasks.spawn("second", keep(made.get(), {}, &second));
    EXPECT_TRUE(run_until([&] { return first && second; }));
    EXPECT_EQ(calls(), 1U);
    EXPECT_EQ(second->problem, look_problem::none);
}

TEST_F(reader_test, a_tool_that_hangs_is_killed_and_told_apart) {
    timeout = milliseconds{300};
    tool("echo $$ > $1/pid.new; mv $1/pid.new $1/pid; trap '' TERM INT; while :; do sleep 60; done");
    const auto found = look();
    EXPECT_EQ(found.problem, look_problem::hangs);
    EXPECT_THAT(found.message, HasSubstr("gave no answer within 0.3 s"));
    if (written_pid() != 0) {  // a starved machine may kill it before its first line
        EXPECT_TRUE(run_until([this] { return ::kill(written_pid(), 0) != 0; })) << "it lives on";
    }
}

TEST_F(reader_test, failures_have_names_and_the_tools_own_words) {
    tool("echo 'open device fail' >&2; exit 3");
    auto found = look();
    EXPECT_EQ(found.problem, look_problem::tool_fails);
    EXPECT_THAT(found.message, HasSubstr("exit status 3"));
    EXPECT_THAT(found.message, HasSubstr("open device fail"));
    tool("echo 'libaxcl_rt.so: cannot open shared object file' >&2; exit 127");
    EXPECT_EQ(look().problem, look_problem::tool_missing);
    tool("echo hello");
    EXPECT_EQ(look().problem, look_problem::unreadable);
    tool("kill -SEGV $$");
    EXPECT_EQ(look().problem, look_problem::tool_fails);
    tool(
        "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done");
    found = look();
    EXPECT_THAT(found.message, HasSubstr("printed more than a status tool should, and was stopped"));
    reader_options how;
    how.command = {(folder / "nothing").string()};
    how.format = "axcl-smi";
    made = std::make_unique<reader>(reader_context{io.get_executor(), &clock, &guard}, how);
    found = look();
    EXPECT_EQ(found.problem, look_problem::tool_missing);
    EXPECT_THAT(found.message, HasSubstr("does not exist"));
}

TEST_F(reader_test, a_cancelled_look_leaves_no_tool_behind_and_the_next_one_works) {
    tool("echo $$ > $1/pid.new; mv $1/pid.new $1/pid; exec sleep 60");
    std::optional<device_look> never;
    tasks.spawn("look", keep(made.get(), {}, &never));
    ASSERT_TRUE(run_until([this] { return written_pid() != 0; }));
    cancel_all();
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
    EXPECT_FALSE(never);
    EXPECT_TRUE(run_until([this] {
        process::reap_orphans();
        return ::kill(written_pid(), 0) != 0;
    }));
    std::ofstream(folder / "tool") << "#!/bin/sh\n" << good << "\n";
    EXPECT_EQ(look().problem, look_problem::none);
}

TEST_F(reader_test, the_same_way_of_asking_gets_the_same_reader) {
    reader_set all({io.get_executor(), &clock, &guard});
    reader_options how;
    how.command = {"/bin/true"};
    how.format = "axcl-smi";
    const auto first = all.find_or_make(how);
    EXPECT_EQ(all.find_or_make(how), first);
    how.card = 1;
    auto second = all.find_or_make(how);
    EXPECT_NE(second, first);
    EXPECT_EQ(all.all().size(), 2U);
    second.reset();  // as a reload drops the model that asked so
    EXPECT_THAT(all.all(), testing::ElementsAre(first));
}

TEST_F(reader_test, one_that_is_asked_is_not_forgotten) {
    reader_set all({io.get_executor(), &clock, &guard});
    reader_options how;
    how.command = {"/bin/sleep", "60"};
    how.format = "axcl-smi";
    reader* const asked = all.find_or_make(how).get();
    tasks.spawn("look", [](reader* of) -> core::awaitable<void> {
        auto looking = of->look();
        co_await std::move(looking);
    }(asked));
    EXPECT_TRUE(run_until([&] { return asked->busy(); }));
    EXPECT_EQ(all.all().size(), 1U);
    cancel_all();
    EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
    EXPECT_TRUE(all.all().empty());
}

}  // namespace
}  // namespace corral::device
