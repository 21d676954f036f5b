#pragma once
// The last look at a line of the log, whoever wrote it: it stays one line, and nothing in it hides or forges.

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>
#include <string_view>

#include <spdlog/details/log_msg.h>

#include "corral/telemetry/log.hpp"

namespace corral::telemetry {

using line_namer = std::string_view (*)(std::string_view sentence);

[[nodiscard]] inline std::atomic<line_namer>& current_namer() {
    static std::atomic<line_namer> namer{nullptr};
    return namer;
}

[[nodiscard]] inline std::string whole_line(const spdlog::details::log_msg& message) {
    const std::string_view text(message.payload.data(), message.payload.size());
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    std::string out = plain ? std::string(text) : printable(text, std::numeric_limits<std::size_t>::max());
    const line_namer namer = message.level >= spdlog::level::warn ? current_namer().load() : nullptr;
    if (const std::string_view id =
            namer == nullptr ? std::string_view() : namer(text.substr(0, text.find(" event=")));
        !id.empty()) {
        out.append(" id=").append(id);
    }
    return out;
}

}  // namespace corral::telemetry
