#pragma once
// Running coroutines and children inside a test.

#include <chrono>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "corral/process/child.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

inline const std::string helper_program = CORRAL_PROCESS_TEST_HELPER;
inline constexpr std::chrono::seconds long_enough{20};

inline spawn_spec spec_of(std::vector<std::string> command, stdio_kind stdio = stdio_kind::pipe) {
    return {std::move(command), clean_environment(), "", stdio};
}

// Runs `task` to its end; fails the test and returns nothing when that takes too long.
template <typename T>
std::optional<T> run(boost::asio::io_context& loop, core::awaitable<T> task) {
    struct result {
        std::optional<T> answer;
        std::exception_ptr thrown;
        bool ended = false;
    };
    const auto seen = std::make_shared<result>();  // a late end comes after this call
    boost::asio::co_spawn(loop, std::move(task), [seen](std::exception_ptr error, T value) {
        seen->thrown = error;
        seen->answer.emplace(std::move(value));
        seen->ended = true;
    });
    loop.restart();
    const auto end = std::chrono::steady_clock::now() + long_enough;
    while (!seen->ended && std::chrono::steady_clock::now() < end) {
        loop.run_one_until(end);
    }
    EXPECT_TRUE(seen->ended) << "the coroutine did not end in time";
    if (seen->thrown) {
        std::rethrow_exception(seen->thrown);
    }
    return seen->ended ? std::move(seen->answer) : std::nullopt;
}

// What is started must be its program before it is looked at.
inline void await_exec(boost::asio::io_context& loop, child& started) {
    const auto waiting = [](child& of) -> core::awaitable<bool> {
        co_await of.executed();
        co_return true;
    };
    run(loop, waiting(started));
}

inline core::awaitable<std::string> read_all(child& from, output_stream stream) {
    std::string all;
    for (;;) {
        const core::result<std::string> part = co_await from.read(stream);
        if (!part) {
            ADD_FAILURE() << part.error().message;
            co_return all;
        }
        if (part->empty()) {
            co_return all;
        }
        all += *part;
    }
}

// What a program prints until it ends.
struct ended_program {
    std::string out;
    std::string err;
    std::string how;
};
inline ended_program run_program(const spawn_spec& what) {
    boost::asio::io_context loop;
    auto started = child::spawn(loop.get_executor(), what);
    if (!started) {
        ADD_FAILURE() << started.error().message;
        return {};
    }
    ended_program result;
    result.out = run(loop, read_all(*started, output_stream::out)).value_or("");
    result.err = run(loop, read_all(*started, output_stream::err)).value_or("");
    const auto how = run(loop, started->wait());
    result.how = how ? describe(*how).text() : "did not end";
    return result;
}

// Polls until `condition` holds.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = long_enough) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

inline bool lives(pid_t pid) {
    const auto row = read_process(pid);
    return row && !row->ended();
}

inline std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        ++count;
    }
    return count;
}

inline std::size_t children_of_this_process() {
    std::size_t count = 0;
    for (const pid_t pid : all_processes()) {
        const auto row = read_process(pid);
        count += row && row->parent == ::getpid() ? 1 : 0;
    }
    return count;
}

// A folder that goes with the test.
class scratch_folder {
public:
    scratch_folder() {
        std::string name = ::testing::TempDir() + "corral-process-XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder() {
        std::error_code failed;
        std::filesystem::remove_all(path_, failed);
        EXPECT_FALSE(failed) << failed.message();
    }
    [[nodiscard]] std::string path(const std::string& name) const { return path_ + '/' + name; }
    [[nodiscard]] const std::string& path() const { return path_; }
    std::string write(const std::string& name, const std::string& content, bool executable = true) const {
        std::ofstream(path(name), std::ios::binary) << content;
        using std::filesystem::perms;
        std::filesystem::permissions(path(name),
                                     executable ? perms::owner_all : perms::owner_read | perms::owner_write);
        return path(name);
    }

private:
    std::string path_;
};

}  // namespace corral::process
