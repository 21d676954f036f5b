#pragma once
// The daemon's own log: one line an event, to standard error, ready for journald. Secrets, prompts and
// answers never reach it.

#include <string>

#include <spdlog/spdlog.h>

namespace corral::telemetry {

enum class log_level { debug, info, warn, error };

// Sets up asynchronous logging that drops the oldest lines rather than block (platform_traps.md 19). Call
// once at start; before that log() writes synchronously.
void start_logging(log_level level);
// Flushes and joins the log thread.
void stop_logging();

// The daemon's logger; always valid.
[[nodiscard]] spdlog::logger& log();

// `text` with control characters, line breaks and invalid UTF-8 made visible, cut to `limit` bytes: for words
// that come from outside.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace corral::telemetry
