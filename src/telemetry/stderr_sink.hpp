#pragma once
// Writes finished log lines to one descriptor without ever waiting long for a reader that sleeps.

#include <atomic>
#include <chrono>
#include <mutex>

#include <spdlog/sinks/base_sink.h>

namespace corral::telemetry {

// Runs on the log thread, and before it exists on the caller's; hence the mutex.
class stderr_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    // `fd` is borrowed.
    explicit stderr_sink(int fd);

    // From now on all waits together take no longer than `span`; what can't be written then is dropped.
    void hurry(std::chrono::milliseconds span);

private:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}
    [[nodiscard]] bool wait_until_writable() const;
    void write_line(std::string_view line);

    int fd_;
    bool is_socket_;
    std::atomic<std::chrono::steady_clock::time_point> give_up_{std::chrono::steady_clock::time_point::max()};
};

}  // namespace corral::telemetry
