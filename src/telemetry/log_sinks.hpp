#pragma once
// Where finished log lines go.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/sinks/base_sink.h>

#include "corral/telemetry/log.hpp"
#include "telemetry/whole_line.hpp"

namespace corral::telemetry {

// Writes them to one descriptor without ever waiting long for a reader that sleeps. Runs on the log thread, and before it exists on the caller's; hence the mutex.
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

// Keeps the last ones for those who ask for them (corral logs corral). Written on the log thread and read on the loop's; the mutex is held for a copy only.
class ring_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    [[nodiscard]] log_tail read(std::uint64_t number, std::size_t most) {
        const std::lock_guard<std::mutex> held(mutex_);
        return {ring_.id(), ring_.end(), ring_.from(number, most)};
    }

private:
    static constexpr std::size_t most_lines = 1000;
    static constexpr std::size_t most_bytes = 256 * 1024;

    // As on standard error.
    static std::string_view word_of(spdlog::level::level_enum level) {
        if (level <= spdlog::level::debug) {
            return "DEBUG";
        }
        return level == spdlog::level::info ? "INFO" : level == spdlog::level::warn ? "WARN" : "ERROR";
    }
    void sink_it_(const spdlog::details::log_msg& message) override {
        std::string line(word_of(message.level));
        line.append(" ").append(whole_line(message));
        ring_.add(std::move(line),
                  std::chrono::time_point_cast<std::chrono::system_clock::duration>(message.time));
    }
    void flush_() override {}

    line_ring ring_{most_lines, most_bytes};
};

}  // namespace corral::telemetry
