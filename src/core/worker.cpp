#include "corral/core/worker.hpp"

#include <csignal>
#include <exception>
#include <memory>
#include <utility>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace corral::core {

namespace {

std::exception_ptr outcome_of(const std::function<void()>& work) {
    try {
        work();
    } catch (...) {
        return std::current_exception();
    }
    return nullptr;
}

// Of the calling thread. Where it is refused all is right, only less smooth.
void step_back(int niceness) {
    static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), niceness));
}

}  // namespace

worker::~worker() {
    if (pool_) {
        pool_->join();
    }
}

awaitable<bool> worker::run(std::function<void()> work, std::string lane) {
    if (!start_thread()) {
        co_return false;
    }
    const auto begin = [this](auto handler, std::function<void()> what, std::string in) {
        auto home = asio::make_work_guard(asio::get_associated_executor(handler));
        auto there = [handler = std::move(handler), what = std::move(what),
                      home = std::move(home)]() mutable {
            std::exception_ptr thrown = outcome_of(what);
            auto back = [handler = std::move(handler), thrown]() mutable { std::move(handler)(thrown); };
            asio::dispatch(home.get_executor(), std::move(back));
        };
        add(std::move(in), [kept = std::make_shared<decltype(there)>(std::move(there))] { (*kept)(); });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
        begin, asio::use_awaitable, std::move(work), std::move(lane));
    co_return true;
}

void worker::add(std::string lane, job what) {
    {
        const std::lock_guard hold(guard_);
        lanes_[std::move(lane)].push_back(std::move(what));
    }
    asio::post(*pool_, [this] { next()(); });
}

worker::job worker::next() {
    const std::lock_guard hold(guard_);
    auto turn = lanes_.upper_bound(last_);
    turn = turn == lanes_.end() ? lanes_.begin() : turn;
    job out = std::move(turn->second.front());
    turn->second.pop_front();
    last_ = turn->first;
    if (turn->second.empty()) {
        lanes_.erase(turn);
    }
    return out;
}

awaitable<void> run_on(worker* elsewhere, std::function<void()> work, std::string lane) {
    bool done = false;
    if (elsewhere != nullptr) {
        auto running = elsewhere->run(work, std::move(lane));
        done = co_await std::move(running);
    }
    if (!done) {
        work();
    }
}

// Signals are for the loop's thread, and a thread takes over the mask of the one that starts it.
bool worker::start_thread() {
    if (pool_) {
        return true;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        pool_.emplace(1);
        if (niceness_ > 0) {
            const int total = ::getpriority(PRIO_PROCESS, 0) + niceness_;
            asio::post(*pool_, [total] { step_back(total); });
        }
    } catch (const std::exception&) {
        pool_.reset();  // the next work asks again
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return pool_.has_value();
}

}  // namespace corral::core
