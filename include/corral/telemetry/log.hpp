#pragma once
// The daemon's own log: one line an event, to standard error, ready for journald. Secrets, prompts and
// answers never reach it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "corral/core/say.hpp"
#include "corral/telemetry/output_lines.hpp"

namespace corral::telemetry {

enum class log_level { debug, info, warn, error };

// Sets up asynchronous logging that drops the oldest lines rather than block
// (docs/facts/platform_traps.md#blocking-log). Call once at start; before that log() writes synchronously, to standard
// error. Where that is the journal's, lines go to the socket `journal` with their fields from now on, as long as one
// listens there.
void start_logging(log_level level, const std::string& journal = "/run/systemd/journal/socket");
// Flushes and joins the log thread.
void stop_logging();

// The daemon's logger; always valid.
[[nodiscard]] spdlog::logger& log();

// The id of a warning or an error: that of what is said ("" where the words are foreign).
class line_id {
public:
    line_id(const core::reason& said) : id_(said.id()) {}
    // Of a finding, or of what was said before.
    [[nodiscard]] static line_id of(std::string_view id) noexcept {
        line_id out{core::reason()};
        out.id_ = id;
        return out;
    }
    [[nodiscard]] std::string_view text() const noexcept { return id_; }

private:
    std::string_view id_;
};

// A line that ends in " id=...".
void write_line(spdlog::level::level_enum level, const line_id& id, const std::string& text);

template <typename... Values>
void warn(const line_id& id, fmt::format_string<Values...> text, Values&&... values) {
    write_line(spdlog::level::warn, id, fmt::format(text, std::forward<Values>(values)...));
}
template <typename... Values>
void error(const line_id& id, fmt::format_string<Values...> text, Values&&... values) {
    write_line(spdlog::level::err, id, fmt::format(text, std::forward<Values>(values)...));
}
inline void warn(const core::reason& said) {
    write_line(spdlog::level::warn, said, said);
}
inline void error(const core::reason& said) {
    write_line(spdlog::level::err, said, said);
}

// What log() wrote last ("WARN the text"), for those who ask later; bounded. Thread-safe.
struct log_tail {
    std::uint64_t ring = 0;  // line_ring::id(), and its end()
    std::uint64_t end = 0;
    std::vector<kept_line> lines;
};
[[nodiscard]] log_tail recent_log(std::uint64_t number, std::size_t most);

// `text` with control characters, line breaks and invalid UTF-8 made visible, cut to `limit` bytes: for words
// that come from outside.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 200);

// The same for what leaves as a whole, a page or a JSON document: line breaks, tabs and the colours that Corral
// gives itself stay, other characters are written as "\u202e", which a JSON string may hold. Nothing is cut.
[[nodiscard]] std::string printable_page(std::string_view text);

}  // namespace corral::telemetry

template <>
struct fmt::formatter<corral::core::reason> : fmt::formatter<std::string_view> {
    template <typename Context>
    auto format(const corral::core::reason& what, Context& context) const {
        return fmt::formatter<std::string_view>::format(what.text(), context);
    }
};
