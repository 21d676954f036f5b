#pragma once
// What a vendor process prints, made into lines and kept in a bounded ring: ANSI codes removed, a carriage
// return starts the line again (progress bars), invalid UTF-8 replaced, endless lines cut.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

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

struct kept_line {
    std::uint64_t number = 0;  // counts from 0 in its ring
    // The wall clock when it came; the epoch: not known.
    std::chrono::system_clock::time_point when;
    std::string text;
};

// The last lines of one service: bounded in lines and bytes.
class line_ring {
public:
    using wall_time = std::chrono::system_clock::time_point;
    line_ring(std::size_t max_lines, std::size_t max_bytes);
    void add(std::string line, wall_time when = std::chrono::system_clock::now());
    [[nodiscard]] const std::deque<std::string>& lines() const noexcept { return lines_; }
    // One more that is not kept, for it says what is always said.
    void count_routine() noexcept { ++routine_; }
    [[nodiscard]] std::uint64_t routine() const noexcept { return routine_; }
    [[nodiscard]] std::size_t dropped() const noexcept { return dropped_; }

    // No other ring of this process has or had it.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    // The number of the next line.
    [[nodiscard]] std::uint64_t end() const noexcept { return dropped_ + lines_.size(); }
    // Those that are still kept, from `number` on, oldest first, at most `most`.
    [[nodiscard]] std::vector<kept_line> from(std::uint64_t number, std::size_t most) const;

private:
    std::size_t max_lines_;
    std::size_t max_bytes_;
    std::uint64_t id_;
    std::size_t bytes_ = 0;
    std::size_t dropped_ = 0;
    std::uint64_t routine_ = 0;
    std::deque<std::string> lines_;
    std::deque<wall_time> times_;  // of each line
};

}  // namespace corral::telemetry
