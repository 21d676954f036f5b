#pragma once
// Work that blocks on the disk, on a thread of its own, so that the loop goes on.

#include <csignal>

#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "corral/core/async.hpp"

namespace corral::core {

class disk_work {
public:
    disk_work() = default;
    disk_work(const disk_work&) = delete;
    disk_work& operator=(const disk_work&) = delete;
    // Waits for the work that goes on.
    ~disk_work() {
        if (pool_) {
            pool_->join();
        }
    }

    // The result of `work`, which must not throw and touches nothing that the loop touches; one at a time, in
    // order. It is not cut short by a cancellation.
    template <typename Result>
    [[nodiscard]] awaitable<Result> run(std::function<Result()> work) {
        start_thread();
        const auto begin = [pool = &*pool_](auto handler, std::function<Result()> todo) {
            auto home = asio::make_work_guard(asio::get_associated_executor(handler));
            auto there = [handler = std::move(handler), todo = std::move(todo),
                          home = std::move(home)]() mutable {
                auto back = [handler = std::move(handler), done = todo()]() mutable {
                    std::move(handler)(std::move(done));
                };
                asio::dispatch(home.get_executor(), std::move(back));
            };
            asio::post(*pool, std::move(there));
        };
        Result done = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result)>(
            begin, asio::use_awaitable, std::move(work));
        co_return done;
    }

private:
    // Signals are for the loop's thread, and a thread takes over the mask of the one that starts it.
    void start_thread() {
        if (pool_) {
            return;
        }
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pool_.emplace(1);
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }

    std::optional<asio::thread_pool> pool_;
};

}  // namespace corral::core
