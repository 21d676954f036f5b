// What blocks on a disk holds its own lane only, and a thread that can't be started is a moment's matter.

#include "corral/core/disk_work.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <future>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace corral::core {
namespace {

constexpr seconds long_enough{20};

// A disk that does not answer before it is told to.
class dead_mount {
public:
    std::function<int()> read(int answer) {
        return [answer, alive = alive_, &reads = reads_] {
            ++reads;
            alive.wait();
            return answer;
        };
    }
    void revive() { promise_.set_value(); }
    [[nodiscard]] int reads() const { return reads_; }

private:
    std::atomic<int> reads_ = 0;
    std::promise<void> promise_;
    std::shared_future<void> alive_ = promise_.get_future().share();
};

class disk_work_ : public testing::Test {
protected:
    using answers = std::vector<std::pair<std::string, int>>;  // lane, and its answer or the error's number
    void ask(disk_work& disk, std::string lane, std::function<int()> work, deadline until = {}) {
        asio::co_spawn(loop_, note(disk, std::move(lane), std::move(work), until, seen_, messages_),
                       asio::detached);
    }
    bool await(std::size_t answers) {
        const auto end = std::chrono::steady_clock::now() + long_enough;
        while (seen_.size() < answers && std::chrono::steady_clock::now() < end) {
            loop_.restart();
            loop_.run_one_for(milliseconds(10));
        }
        return seen_.size() == answers;
    }
    static deadline soon() { return deadline::after(milliseconds(5), std::chrono::steady_clock::now()); }
    static int number(errc code) { return -static_cast<int>(code); }

    asio::io_context loop_;
    answers seen_;
    std::vector<std::string> messages_;

private:
    static awaitable<void> note(disk_work& disk, std::string lane, std::function<int()> work, deadline until,
                                answers& seen, std::vector<std::string>& messages) {
        auto working = disk.run(lane, std::move(work), until);
        const result<int> answer = co_await std::move(working);
        seen.emplace_back(lane, answer ? *answer : -answer.error().code.value());
        messages.push_back(answer ? std::string() : answer.error().message.text());
    }
};

TEST_F(disk_work_, a_dead_mount_holds_its_own_lane_and_no_other) {
    dead_mount mount;
    disk_work disk;
    ask(disk, "dead", mount.read(1));
    ask(disk, "dead", [] { return 2; });
    for (int other = 10; other < 15; ++other) {
        ask(disk, "other " + std::to_string(other), [other] { return other; });
    }
    ASSERT_TRUE(await(5));
    EXPECT_TRUE(disk.busy());
    mount.revive();
    ASSERT_TRUE(await(7));
    EXPECT_EQ(seen_[5], (std::pair<std::string, int>("dead", 1)));
    EXPECT_EQ(seen_[6], (std::pair<std::string, int>("dead", 2))) << "in order";
    while (disk.busy()) {
        std::this_thread::yield();
    }
}

TEST_F(disk_work_, nothing_piles_up_behind_a_dead_mount) {
    dead_mount mount;
    disk_work disk;
    ask(disk, "dead", mount.read(1));
    while (mount.reads() == 0) {
        loop_.poll();
    }
    for (int again = 0; again < 20; ++again) {
        ask(disk, "dead", mount.read(2), soon());
    }
    ASSERT_TRUE(await(20));
    for (const auto& [lane, answer] : seen_) {
        EXPECT_EQ(answer, number(errc::timed_out));
    }
    mount.revive();
    ask(disk, "dead", [] { return 3; });
    ASSERT_TRUE(await(22));
    EXPECT_EQ(seen_.back().second, 3) << "it heals by itself";
    EXPECT_EQ(mount.reads(), 1) << "what nobody waits for is not begun";
}

TEST_F(disk_work_, a_thread_that_cant_be_started_is_told_and_the_next_one_works) {
    int failures = 2;
    disk_work disk([&](std::function<void()> what) {
        if (failures-- > 0) {
            throw std::system_error(EAGAIN, std::generic_category());
        }
        disk_work::start_thread(std::move(what));
    });
    ask(disk, "model", [] { return 1; });
    ask(disk, "another", [] { return 2; });
    ASSERT_TRUE(await(2));
    EXPECT_EQ(seen_[0].second, number(errc::unavailable));
    EXPECT_EQ(messages_[0], "no thread can be started: Resource temporarily unavailable");
    EXPECT_FALSE(disk.busy());
    ask(disk, "model", [] { return 3; });
    ASSERT_TRUE(await(3));
    EXPECT_EQ(seen_[2].second, 3);
}

TEST_F(disk_work_, signals_stay_with_the_loop) {
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    disk_work disk;
    ask(disk, "a", [] {
        sigset_t there;
        pthread_sigmask(SIG_SETMASK, nullptr, &there);
        return sigismember(&there, SIGTERM);
    });
    ASSERT_TRUE(await(1));
    EXPECT_EQ(seen_[0].second, 1);
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    EXPECT_EQ(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
}

TEST_F(disk_work_, work_that_throws_is_a_failure_of_its_own) {
    disk_work disk;
    ask(disk, "a", []() -> int { throw std::runtime_error("torn"); });
    ASSERT_TRUE(await(1));
    EXPECT_EQ(seen_[0].second, number(errc::internal));
    EXPECT_EQ(messages_[0], "torn");
}

TEST_F(disk_work_, a_dead_mount_does_not_hold_the_end) {
    dead_mount mount;
    const auto began = std::chrono::steady_clock::now();
    {
        disk_work disk;
        ask(disk, "dead", mount.read(1), soon());
        ASSERT_TRUE(await(1));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(10));
    mount.revive();
    loop_.restart();
    loop_.run_for(milliseconds(20));
    EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(disk_work_, tells_that_the_system_makes_no_threads) {
    int granted = 0;
    std::atomic<int> ended = 0;
    disk_work starved([&](std::function<void()> what) {
        if (granted-- <= 0) {
            throw std::system_error(EAGAIN, std::generic_category());
        }
        disk_work::start_thread([&ended, what = std::move(what)] {
            what();
            ++ended;
        });
    });
    EXPECT_EQ(starved.refusal_of_threads(), "Resource temporarily unavailable");
    granted = 1;
    EXPECT_NE(starved.refusal_of_threads(), "") << "one is not enough for a start";
    granted = 100;
    EXPECT_EQ(starved.refusal_of_threads(), "");
    const int begun = 1 + 100 - granted;
    for (const auto end = std::chrono::steady_clock::now() + long_enough;
         ended < begun && std::chrono::steady_clock::now() < end;) {
        std::this_thread::yield();
    }
    EXPECT_EQ(ended, begun) << "none stays";
}

}  // namespace
}  // namespace corral::core
