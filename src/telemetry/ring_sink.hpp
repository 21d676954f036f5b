#pragma once
// Keeps the last finished log lines for those who ask for them (corral logs corral).

#include <cstddef>
#include <mutex>
#include <utility>

#include <spdlog/sinks/base_sink.h>

#include "corral/telemetry/log.hpp"

namespace corral::telemetry {

// Written on the log thread and read on the loop's; the mutex is held for a copy only.
class ring_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    [[nodiscard]] log_tail read(std::uint64_t number, std::size_t most) {
        const std::lock_guard<std::mutex> held(mutex_);
        return {ring_.id(), ring_.end(), ring_.from(number, most)};
    }

private:
    static constexpr std::size_t most_lines = 1000;
    static constexpr std::size_t most_bytes = 256 * 1024;

    void sink_it_(const spdlog::details::log_msg& message) override {
        const auto level = spdlog::level::to_string_view(message.level);
        std::string line(level.data(), level.size());
        line.append(" ").append(message.payload.data(), message.payload.size());
        ring_.add(std::move(line),
                  std::chrono::time_point_cast<std::chrono::system_clock::duration>(message.time));
    }
    void flush_() override {}

    line_ring ring_{most_lines, most_bytes};
};

}  // namespace corral::telemetry
