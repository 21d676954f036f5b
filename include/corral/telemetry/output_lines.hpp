#pragma once
// What a vendor process prints, made into lines and kept in a bounded ring: ANSI codes removed, a carriage
// return starts the line again (progress bars), invalid UTF-8 replaced, endless lines cut.

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace corral::telemetry {

// Feed bytes as they come; `on_line` gets each finished line (without its break), `on_progress` each
// unfinished line that was overwritten by a carriage return or is pending after the feed.
class line_assembler {
public:
    using sink = std::function<void(std::string_view)>;
    line_assembler(sink on_line, sink on_progress, std::size_t max_line_bytes = 4096);
    void feed(std::string_view bytes);
    // Ends the pending line, at the end of the stream.
    void finish();

private:
    void end_line();
    void report_progress();
    sink on_line_;
    sink on_progress_;
    std::size_t max_line_bytes_;
    std::string line_;
    std::string escape_;  // an ANSI sequence that is not complete yet
    bool pending_return_ = false;
};

// The last lines of one service: bounded in lines and bytes.
class line_ring {
public:
    line_ring(std::size_t max_lines, std::size_t max_bytes) : max_lines_(max_lines), max_bytes_(max_bytes) {}
    void add(std::string line);
    [[nodiscard]] const std::deque<std::string>& lines() const noexcept { return lines_; }
    [[nodiscard]] std::size_t dropped() const noexcept { return dropped_; }

private:
    std::size_t max_lines_;
    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::size_t dropped_ = 0;
    std::deque<std::string> lines_;
};

}  // namespace corral::telemetry
