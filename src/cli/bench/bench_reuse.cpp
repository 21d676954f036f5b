#include "cli/bench/bench_reuse.hpp"

#include <chrono>
#include <csignal>
#include <exception>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace corral::cli {

namespace {

class reuse_runner {
public:
    explicit reuse_runner(reuse_plan plan) : plan_(std::move(plan)), stop_(loop_, SIGINT, SIGTERM) {}

    bench::reuse_record run() {
        stop_.async_wait([this](core::error_code error, int) {
            if (!error) {
                plan_.record.interrupted = true;
                cancel_.emit(core::asio::cancellation_type::terminal);
            }
        });
        std::exception_ptr thrown;
        core::asio::co_spawn(
            loop_, whole(), core::asio::bind_cancellation_slot(cancel_.slot(), [&](std::exception_ptr error) {
                thrown = std::move(error);
                stop_.cancel();
            }));
        loop_.run();
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        return plan_.record;
    }

private:
    core::awaitable<void> whole() {
        // A cancelled turn comes back as one that failed.
        co_await core::asio::this_coro::throw_if_cancelled(false);
        co_await play();
        co_await play_anew();
        plan_.progress("");
    }

    // The conversation itself, without anything between two turns.
    core::awaitable<void> play() {
        for (unsigned turn = 1; turn <= plan_.turns && !plan_.record.interrupted; ++turn) {
            plan_.progress("turn " + std::to_string(turn));
            bench::reuse_row row;
            row.turn = turn;
            auto messages = bench::reuse_messages(bench::reuse_mark(plan_.run, 0), answers_);
            row.with = co_await bench::try_turn(plan_.target, std::move(messages), plan_.record.max_tokens);
            const bool failed = !row.with.failure.empty();
            answers_.push_back(row.with.answer);
            if (!plan_.record.interrupted) {
                plan_.record.rows.push_back(std::move(row));
            }
            if (failed) {
                co_return;
            }
        }
    }

    // The same prompts, each with a beginning of its own.
    core::awaitable<void> play_anew() {
        for (bench::reuse_row& row : plan_.record.rows) {
            if (plan_.record.interrupted) {
                co_return;
            }
            plan_.progress("turn " + std::to_string(row.turn) + " anew");
            const std::vector<std::string> before(answers_.begin(), answers_.begin() + (row.turn - 1));
            auto messages = bench::reuse_messages(bench::reuse_mark(plan_.run, row.turn), before);
            row.without =
                co_await bench::try_turn(plan_.target, std::move(messages), plan_.record.max_tokens);
        }
    }

    core::asio::io_context loop_{1};
    reuse_plan plan_;
    std::vector<std::string> answers_;
    core::asio::signal_set stop_;
    core::asio::cancellation_signal cancel_;
};

}  // namespace

bench::reuse_record run_reuse(reuse_plan plan) {
    return reuse_runner(std::move(plan)).run();
}

}  // namespace corral::cli
