// What is looked at before each start: the doctor's words, what is remembered, and what it costs.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <system_error>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include "corral/core/disk_work.hpp"
#include "corral/core/task_group.hpp"
#include "engine/preflight_gate.hpp"
#include "run_until.hpp"

namespace corral::engine {
namespace {

using testing::HasSubstr;

const std::string pointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, '0') + "\nsize 1064760\n";

class counting_gate final : public supervisor::start_gate {
public:
    core::awaitable<supervisor::gate_verdict> ask() override {
        ++asked;
        co_return supervisor::gate_verdict{supervisor::gate_state::open, core::reason::unlisted("37 C"), {}};
    }
    void on_spawned(pid_t) override { ++told; }
    void on_ready(pid_t) override { ++told; }
    void on_gone(pid_t) override { ++told; }

    int asked = 0;
    int told = 0;
};

class preflight : public ::testing::Test {
protected:
    preflight()
        : tasks(io.get_executor(), [this](const std::string&, const std::string& what) { errors += what; }) {
        char name[] = "/tmp/corral_preflight_XXXXXX";
        package = ::mkdtemp(name);
        model.name = "sim:latest";
        model.package = package;
        service.name = "runtime";
        service.command.command = {write("server", "#!/bin/sh\n")};
        service.command.working_directory = package.string();
        service.rules.command = service.command.command;
        context.on = io.get_executor();
        context.clock = &clock;
        context.tasks = &tasks;
        context.disk = &disk;
    }
    ~preflight() override {
        std::error_code ignored_on_teardown;
        std::filesystem::remove_all(package, ignored_on_teardown);
        EXPECT_EQ(errors, "");
    }

    std::string write(const std::string& file, const std::string& text) {
        std::ofstream(package / file, std::ios::binary) << text;
        ::chmod((package / file).c_str(), 0755);
        return (package / file).string();
    }
    doctor::examination examination() const {
        doctor::examination of;
        of.around.listeners = [](std::uint16_t) { return std::vector<process::listening_socket>{}; };
        of.around.is_ours = [](pid_t) { return false; };
        of.models.push_back({model, {{service.rules, service.command, 0, 0}}});
        return of;
    }
    supervisor::gate_verdict ask(supervisor::start_gate& gate) {
        std::optional<supervisor::gate_verdict> verdict;
        tasks.spawn("ask", ask_into(gate, verdict));
        EXPECT_TRUE(run_until(io, [&verdict] { return verdict.has_value(); })) << "no answer";
        return verdict.value_or(supervisor::gate_verdict{});
    }
    static core::awaitable<void> ask_into(supervisor::start_gate& gate,
                                          std::optional<supervisor::gate_verdict>& into) {
        auto asking = gate.ask();
        supervisor::gate_verdict verdict = co_await std::move(asking);
        into = std::move(verdict);
    }

    boost::asio::io_context io;
    core::steady_clock_source clock;
    std::string errors;
    core::task_group tasks;
    core::disk_work disk;
    supervisor::supervisor_context context;
    std::filesystem::path package;
    catalog::model_entry model;
    supervisor::service_spec service;
};

TEST_F(preflight, good_files_are_read_once_until_one_changes) {
    preflight_files files;
    EXPECT_TRUE(files.look(examination(), false).empty());
    EXPECT_TRUE(files.look(examination(), false).empty());
    EXPECT_EQ(files.readings(), 1U);
    write("weights.bin", "new");
    EXPECT_TRUE(files.look(examination(), false).empty());
    EXPECT_EQ(files.readings(), 2U);
    // The same name and size, another content: a download that was put in its place.
    write("other", pointer);
    std::filesystem::rename(package / "other", package / "server");
    const auto found = files.look(examination(), false);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found.front().id, "program.lfs-pointer");
}

TEST_F(preflight, bad_files_are_read_again_each_time_for_what_repairs_them_may_lie_elsewhere) {
    write("server", pointer);
    preflight_files files;
    EXPECT_FALSE(files.look(examination(), false).empty());
    EXPECT_FALSE(files.look(examination(), false).empty());
    EXPECT_EQ(files.readings(), 2U);
}

TEST_F(preflight, a_restart_with_unchanged_files_is_looked_at_in_less_than_ten_milliseconds) {
    for (int i = 0; i < 60; ++i) {
        write("layer_" + std::to_string(i) + ".axmodel", std::string(4096, 'x'));
    }
    preflight_files files;
    EXPECT_TRUE(files.look(examination(), false).empty());
    auto best = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 20; ++i) {
        const auto began = std::chrono::steady_clock::now();
        EXPECT_TRUE(files.look(examination(), false).empty());
        best = std::min(best, std::chrono::steady_clock::now() - began);
    }
    EXPECT_EQ(files.readings(), 1U);
    RecordProperty("microseconds",
                   static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(best).count()));
    EXPECT_LT(best, std::chrono::milliseconds(10));
}

TEST_F(preflight, a_fault_shuts_the_gate_in_the_doctors_words_and_the_device_is_not_asked) {
    write("server", pointer);
    const auto device = std::make_shared<counting_gate>();
    const auto gate = make_preflight_gate(context, model, service, device);
    const auto verdict = ask(*gate);
    EXPECT_EQ(verdict.state, supervisor::gate_state::shut);
    const auto told = doctor::examine_before_start(examination(), doctor::start_part::files);
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(verdict.reason, told.front().what);
    EXPECT_EQ(verdict.advice, told.front().fix);
    EXPECT_EQ(device->asked, 0);
    write("server", "#!/bin/sh\n");
    EXPECT_EQ(ask(*gate).state, supervisor::gate_state::open) << "what is repaired opens it";
    EXPECT_EQ(device->asked, 1);
}

TEST_F(preflight, the_device_has_the_last_word_and_hears_of_every_process) {
    const auto device = std::make_shared<counting_gate>();
    const auto gate = make_preflight_gate(context, model, service, device);
    EXPECT_EQ(ask(*gate).reason, "37 C");
    gate->on_spawned(1);
    gate->on_ready(1);
    gate->on_gone(1);
    EXPECT_EQ(device->told, 3);
}

TEST_F(preflight, a_thread_that_cant_be_started_is_the_reason_for_a_moment_and_breaks_nothing) {
    int failures = 1;
    core::disk_work starved([&](std::function<void()> what) {
        if (failures-- > 0) {
            throw std::system_error(EAGAIN, std::generic_category());
        }
        core::disk_work::start_thread(std::move(what));
    });
    context.disk = &starved;
    const auto gate = make_preflight_gate(context, model, service, nullptr);
    const auto verdict = ask(*gate);
    EXPECT_EQ(verdict.state, supervisor::gate_state::wait);
    EXPECT_THAT(verdict.reason, HasSubstr("no thread can be started: Resource temporarily unavailable"));
    EXPECT_THAT(verdict.advice, HasSubstr("TasksMax"));
    EXPECT_EQ(ask(*gate).state, supervisor::gate_state::open);
}

TEST_F(preflight, a_dead_mount_of_another_model_does_not_hold_it) {
    std::promise<void> alive;
    bool answered = false;
    const auto hang = [](core::disk_work& on, std::future<void> until, bool& done) -> core::awaitable<void> {
        std::function<int()> work = [wait = until.share()] {
            wait.wait();
            return 0;
        };
        auto working = on.run("another model", std::move(work));
        const core::result<int> over = co_await std::move(working);
        done = over.has_value();
    };
    tasks.spawn("hang", hang(disk, alive.get_future(), answered));
    const auto gate = make_preflight_gate(context, model, service, nullptr);
    EXPECT_EQ(ask(*gate).state, supervisor::gate_state::open);
    EXPECT_FALSE(answered);
    alive.set_value();
    EXPECT_TRUE(run_until(io, [&answered] { return answered; }));
}

TEST_F(preflight, the_working_directory_is_looked_at_too) {
    service.command.working_directory = (package / "gone").string();
    const auto gate = make_preflight_gate(context, model, service, nullptr);
    EXPECT_THAT(ask(*gate).reason, HasSubstr("gone"));
}

}  // namespace
}  // namespace corral::engine
