#pragma once
// The last look at a line of the log, whoever wrote it: it stays one line, and nothing in it hides or forges.

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include <spdlog/details/log_msg.h>

#include "corral/telemetry/log.hpp"

namespace corral::telemetry {

[[nodiscard]] inline std::string whole_line(const spdlog::details::log_msg& message) {
    const std::string_view text(message.payload.data(), message.payload.size());
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    return plain ? std::string(text) : printable(text, std::numeric_limits<std::size_t>::max());
}

}  // namespace corral::telemetry
