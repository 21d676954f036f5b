#pragma once
// A server on its own loop thread, on a port of the kernel's choice, for tests with blocking clients.

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include "corral/http/server.hpp"
#include "raw_client.hpp"

namespace corral::http::test {

class live_server {
public:
    explicit live_server(handler serve, server_options options = {},
                         const std::optional<tls_credentials>& tls = std::nullopt,
                         const std::string& second_address = {})
        : serve_(serve) {
        server_ = std::make_unique<server>(loop_.get_executor(), options, std::move(serve),
                                           [this](std::string text) {
                                               const std::lock_guard hold(log_guard_);
                                               log_.push_back(std::move(text));
                                           });
        port_ = server_->listen({core::asio::ip::address_v4::loopback(), 0}).value().port();
        if (!second_address.empty()) {
            const auto also = core::asio::ip::make_address(second_address);
            second_port_ = server_->listen({also, 0}).value().port();
        }
        if (tls) {
            server_->use_tls(*tls);
        }
        server_->start();
        thread_ = std::thread([this] { loop_.run(); });
    }
    live_server(const live_server&) = delete;
    live_server& operator=(const live_server&) = delete;
    ~live_server() {
        on_loop([this] {
            server_->stop_accepting();
            server_->close_all();
        });
        drained(std::chrono::seconds{10});
        on_loop([this] { server_.reset(); });
        guard_.reset();
        thread_.join();
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::uint16_t second_port() const { return second_port_; }
    [[nodiscard]] raw_client connect(int receive_buffer = 0) const {
        return raw_client(port_, receive_buffer);
    }

    // Runs `what` on the loop's thread and waits for it.
    template <typename F>
    auto on_loop(F what) -> decltype(what()) {
        std::packaged_task<decltype(what())()> task(std::move(what));
        auto result = task.get_future();
        core::asio::post(loop_, [&task] { task(); });
        return result.get();
    }

    [[nodiscard]] server_stats stats() {
        return on_loop([this] { return server_->stats(); });
    }
    void judge_with(const head_judge& judge) {
        on_loop([&] { server_->serve_with(serve_, judge); });
    }
    void use_tls(const tls_credentials& with) {
        on_loop([&] { server_->use_tls(with); });
    }
    // `just_before` runs in the same turn of the loop.
    void stop_accepting(const std::function<void()>& just_before = [] {}) {
        on_loop([this, &just_before] {
            just_before();
            server_->stop_accepting();
        });
    }
    void pause() {
        on_loop([this] { server_->pause(); });
    }
    void resume() {
        on_loop([this] { server_->resume(); });
    }
    [[nodiscard]] std::size_t kept_aside() {
        return on_loop([this] { return server_->kept_aside().size(); });
    }
    void close_all() {
        on_loop([this] { server_->close_all(); });
    }
    bool drained(core::nanoseconds limit) {
        const core::deadline until = core::deadline::after(limit, std::chrono::steady_clock::now());
        return core::asio::co_spawn(loop_, server_->wait_idle(until), core::asio::use_future).get();
    }
    [[nodiscard]] std::vector<std::string> log() {
        const std::lock_guard hold(log_guard_);
        return log_;
    }

private:
    handler serve_;
    core::asio::io_context loop_{1};
    core::asio::executor_work_guard<core::asio::io_context::executor_type> guard_{loop_.get_executor()};
    std::unique_ptr<server> server_;
    std::mutex log_guard_;
    std::vector<std::string> log_;
    std::uint16_t port_ = 0;
    std::uint16_t second_port_ = 0;
    std::thread thread_;
};

// True as soon as `what` is; false at the deadline.
template <typename F>
bool eventually(F what, std::chrono::milliseconds limit = patience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!what()) {
        if (std::chrono::steady_clock::now() >= end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

inline double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto of = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return of(used.ru_utime) + of(used.ru_stime);
}

}  // namespace corral::http::test
