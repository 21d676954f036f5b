#pragma once
// A thread for arithmetic that would hold the loop: the reading of large requests.

#include <csignal>

#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "corral/core/async.hpp"

namespace corral::api {

class decoder {
public:
    decoder() = default;
    decoder(const decoder&) = delete;
    decoder& operator=(const decoder&) = delete;
    // Waits for the work that goes on, which ends by itself. REQUIRES: the coroutines that wait still exist.
    ~decoder() {
        if (pool_) {
            pool_->join();
        }
    }

    // Runs `work`, one at a time and in order. No cancellation cuts the wait short, so `work` may use what the waiting
    // coroutine owns; an exception comes out here. Without a thread the loop does it.
    [[nodiscard]] core::awaitable<void> run(std::function<void()> work) {
        if (!start_thread()) {
            work();
            co_return;
        }
        const auto begin = [pool = &*pool_](auto handler, std::function<void()> todo) {
            auto home = core::asio::make_work_guard(core::asio::get_associated_executor(handler));
            auto there = [handler = std::move(handler), todo = std::move(todo),
                          home = std::move(home)]() mutable {
                std::exception_ptr thrown = outcome_of(todo);
                auto back = [handler = std::move(handler), thrown]() mutable { std::move(handler)(thrown); };
                core::asio::dispatch(home.get_executor(), std::move(back));
            };
            core::asio::post(*pool, std::move(there));
        };
        co_await core::asio::async_initiate<const core::asio::use_awaitable_t<>, void(std::exception_ptr)>(
            begin, core::asio::use_awaitable, std::move(work));
    }

private:
    static std::exception_ptr outcome_of(const std::function<void()>& work) {
        step_back();
        try {
            work();
        } catch (...) {
            return std::current_exception();
        }
        return nullptr;
    }

    // The loop goes first where both want a processor.
    static void step_back() {
        constexpr int behind = 5;
        thread_local const int done =
            ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), behind);
        static_cast<void>(done);  // without it all is right, only less smooth
    }

    // Signals are for the loop's thread, and a thread takes over the mask of the one that starts it.
    bool start_thread() {
        if (pool_) {
            return true;
        }
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        try {
            pool_.emplace(1);
        } catch (const std::exception&) {
            pool_.reset();  // none is to be had now; the next request asks again
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return pool_.has_value();
    }

    std::optional<core::asio::thread_pool> pool_;
};

}  // namespace corral::api
