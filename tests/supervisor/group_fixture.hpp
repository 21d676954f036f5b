#pragma once
// A real loop, real processes and a group of tiny servers to supervise.

#include <dirent.h>
#include <unistd.h>
#include <csignal>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include "corral/core/random_source.hpp"
#include "corral/supervisor/group.hpp"
#include "free_port.hpp"
#include "run_until.hpp"

namespace corral::supervisor {

using core::milliseconds;
using core::seconds;

inline constexpr std::chrono::seconds patience{30};

inline bool process_lives(pid_t pid) {
    return pid > 0 && ::kill(pid, 0) == 0;
}

inline std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        ++count;
    }
    return count;
}

// States of our direct children but the warden, one letter each ("S", "Z" ...).
inline std::string states_of_children(pid_t warden) {
    std::string states;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        if (std::isdigit(static_cast<unsigned char>(entry.path().filename().string()[0])) == 0) {
            continue;
        }
        std::ifstream file(entry.path() / "stat");
        // One that ends meanwhile can't be read, which a stream of characters would throw.
        std::string stat;
        std::getline(file, stat, '\0');
        const auto name_end = stat.rfind(')');
        if (name_end == std::string::npos || name_end + 4 >= stat.size()) {
            continue;
        }
        const bool ours = std::stol(stat.substr(name_end + 4)) == ::getpid();
        if (ours && std::stol(stat) != warden) {
            states += stat[name_end + 2];
        }
    }
    return states;
}

// One for the test program, forked before any loop or thread of it exists.
inline process::warden& the_warden() {
    static auto* const started = new core::result<process::warden>(process::warden::start());
    return started->value();
}

class recorder : public group_observer {
public:
    void on_output(std::string_view service, process::output_stream, std::string_view bytes) override {
        output += bytes;
        last_service = service;
    }
    void on_status(const service_status& now) override {
        const std::string entry = now.name + " " + to_string(now.state);
        if (history.empty() || history.back() != entry) {
            history.push_back(entry);
        }
    }
    [[nodiscard]] std::string told() const {
        std::string all;
        for (const std::string& entry : history) {
            all += entry + "; ";
        }
        return all;
    }
    std::vector<std::string> history;
    std::string output;
    std::string last_service;
};

class group_fixture : public ::testing::Test {
protected:
    group_fixture() : guard(the_warden()) {
        wanted.name = "model";
        wanted.services.reserve(8);  // add() gives references into it
        wanted.restart.first_backoff = milliseconds{20};
        wanted.restart.max_backoff = milliseconds{100};
        context.on = io.get_executor();
        context.clock = &clock;
        context.random = &random;
        context.guard = &guard;
        context.tasks = &tasks;
        char name[] = "/tmp/corral_supervisor_XXXXXX";
        folder = ::mkdtemp(name);
    }
    ~group_fixture() override {
        made.reset();
        EXPECT_TRUE(run_until([this] { return tasks.empty(); })) << tasks.size() << " tasks never ended";
        std::error_code ignored_on_teardown;
        std::filesystem::remove_all(folder, ignored_on_teardown);
        EXPECT_EQ(task_errors, "");
    }

    template <typename Condition>
    bool run_until(Condition condition, std::chrono::steady_clock::duration limit = patience) {
        return corral::run_until(io, condition, limit);
    }

    template <typename T>
    std::optional<T> run(core::awaitable<T> what) {
        std::optional<T> answer;
        tasks.spawn("test", keep_answer(std::move(what), &answer));
        run_until([&answer] { return answer.has_value(); }, patience * 2);
        return answer;
    }
    template <typename T>
    static core::awaitable<void> keep_answer(core::awaitable<T> what, std::optional<T>* answer) {
        *answer = co_await std::move(what);
    }

    service_spec& add(const std::string& name, std::vector<std::string> arguments = {}) {
        const std::uint16_t port = free_port();
        service_spec spec;
        spec.name = name;
        spec.command.command = {"python3", CORRAL_TEST_PROGRAMS "/tiny_server.py", "--port",
                                std::to_string(port)};
        spec.command.command.insert(spec.command.command.end(), arguments.begin(), arguments.end());
        spec.command.environment = process::clean_environment();
        spec.endpoint = {boost::asio::ip::address_v4::loopback(), port};
        spec.rules.name = name;
        spec.rules.stop_loading = {{SIGKILL, catalog::signal_target::group, milliseconds{5000}}};
        spec.rules.stop_ready = {{SIGTERM, catalog::signal_target::leader, milliseconds{5000}}};
        wanted.services.push_back(std::move(spec));
        return wanted.services.back();
    }
    group& make() {
        made = make_group(context, wanted);
        made->add_observer(&heard);
        return *made;
    }
    group& start() {
        make().start();
        return *made;
    }
    // "" when ready, else the reason.
    std::string wait_ready(std::chrono::steady_clock::duration limit = patience) {
        const auto answer =
            run(made->wait_ready(core::deadline::after(limit, std::chrono::steady_clock::now())));
        if (!answer) {
            return "wait_ready did not return";
        }
        return *answer ? std::string() : answer->error().message.text();
    }
    bool verified() { return run(made->verify_endpoints()).value_or(false); }
    bool stop(std::chrono::steady_clock::duration limit = patience) {
        return run(made->stop(core::deadline::after(limit, std::chrono::steady_clock::now())))
            .value_or(false);
    }
    // Processes of the last service so far.
    std::uint64_t starts() { return made->status().back().starts; }
    service_status status(std::size_t index = 0) { return made->status().at(index); }
    bool reaches(service_state state, std::size_t index = 0) {
        return run_until([this, state, index] { return status(index).state == state; });
    }
    std::string printed(const std::string& service) {
        std::string all;
        for (const std::string& line : made->recent_lines(service)) {
            all += line + "\n";
        }
        return all;
    }

    process::warden& guard;
    boost::asio::io_context io{1};
    core::steady_clock_source clock;
    core::seeded_random random{7};
    std::string task_errors;
    core::task_group tasks{io.get_executor(), [this](const std::string& task, const std::string& what) {
                               task_errors += task + ": " + what + "\n";
                           }};
    supervisor_context context;
    group_spec wanted;
    recorder heard;
    std::shared_ptr<group> made;
    std::filesystem::path folder;
};

}  // namespace corral::supervisor
