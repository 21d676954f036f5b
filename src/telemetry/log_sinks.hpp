#pragma once
// Where finished log lines go.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/details/log_msg.h>
#include <spdlog/sinks/base_sink.h>

#include "corral/core/owned_fd.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::telemetry {

// What a line of the log is about, as fields of the journal. Pure; it reads Corral's own form of a line
// ("NAME/SERVICE: ...", "model NAME: ...", "request id=ID model=NAME ... event=WORD").
struct log_fields {
    std::string_view model;
    std::string_view service;
    std::string_view event;
    std::string_view request;
};

// Parts of `line`, empty where it does not say; text between double quotes says nothing.
[[nodiscard]] log_fields fields_of(std::string_view line);

// The datagram of journald's native protocol: "NAME=value" a line, or a value with line breaks behind its length
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). Names are the caller's.
[[nodiscard]] std::string journal_datagram(
    const std::vector<std::pair<std::string_view, std::string_view>>& fields);

// The last look at a line of the log, whoever wrote it: it stays one line, and nothing in it hides or forges.
[[nodiscard]] inline std::string whole_line(const spdlog::details::log_msg& message) {
    const std::string_view text(message.payload.data(), message.payload.size());
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    return plain ? std::string(text) : printable(text, std::numeric_limits<std::size_t>::max());
}

// One that others read, which may keep it waiting.
class outer_sink : public spdlog::sinks::base_sink<std::mutex> {
public:
    // From now on all waits together take no longer than `span`; what can't be written then is dropped.
    void hurry(std::chrono::milliseconds span) { give_up_ = std::chrono::steady_clock::now() + span; }

protected:
    // False: not in time.
    [[nodiscard]] bool wait_until_writable(int fd) const;

private:
    std::atomic<std::chrono::steady_clock::time_point> give_up_{std::chrono::steady_clock::time_point::max()};
};

// Writes them to one descriptor without ever waiting long for a reader that sleeps. Runs on the log thread, and before it exists on the caller's; hence the mutex.
class stderr_sink final : public outer_sink {
public:
    // `fd` is borrowed.
    explicit stderr_sink(int fd);

private:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}
    void write_line(std::string_view line);

    int fd_;
    bool is_socket_;
};

// Gives them to journald with their fields, a datagram each; to `otherwise` where it can't be reached.
class journal_sink final : public outer_sink {
public:
    journal_sink(std::string socket, std::shared_ptr<stderr_sink> otherwise);

private:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}
    [[nodiscard]] bool connect();
    // 0, or an errno value.
    [[nodiscard]] int send(std::string_view datagram);

    std::string socket_;
    std::shared_ptr<stderr_sink> otherwise_;
    core::owned_fd fd_;
    std::uint64_t dropped_ = 0;  // since the last one that went
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
