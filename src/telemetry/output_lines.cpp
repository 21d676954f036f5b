#include <algorithm>
#include <atomic>
#include <utility>

#include "corral/core/utf8.hpp"
#include "corral/telemetry/output_lines.hpp"

namespace corral::telemetry {

namespace {

constexpr char escape = '\x1B';
constexpr char bell = '\x07';
constexpr std::size_t max_escape_bytes = 256;
// Sequences that run up to a bell or ESC-backslash: OSC, DCS, APC, PM, SOS.
constexpr std::string_view string_openers = "]P_^X";

bool is_between(char c, char low, char high) {
    return c >= low && c <= high;
}

enum class escape_step { more, complete, broken };

// `so_far` begins with ESC.
escape_step continue_escape(std::string_view so_far, char next) {
    if (so_far.size() >= max_escape_bytes) {
        return escape_step::broken;
    }
    const char kind = so_far.size() > 1 ? so_far[1] : next;
    if (string_openers.find(kind) != std::string_view::npos) {
        const bool ended = so_far.size() > 1 && (next == bell || (so_far.back() == escape && next == '\\'));
        return ended ? escape_step::complete : escape_step::more;
    }
    if (so_far.size() == 1) {
        if (next == '[' || is_between(next, ' ', '/')) {
            return escape_step::more;
        }
        return is_between(next, '0', '~') ? escape_step::complete : escape_step::broken;
    }
    const char last_parameter = kind == '[' ? '?' : '/';
    if (is_between(next, ' ', last_parameter)) {
        return escape_step::more;
    }
    return is_between(next, '0', '~') ? escape_step::complete : escape_step::broken;
}

// A character that is cut by the end is left out: at a feed's end its rest is still to come.
std::string well_formed(std::string_view bytes, std::size_t limit) {
    std::string text;
    while (!bytes.empty()) {
        const core::utf8_step step = core::next_utf8(bytes);
        if (step.kind == core::utf8_kind::cut_short) {
            break;
        }
        const std::string_view shown =
            step.kind == core::utf8_kind::whole ? bytes.substr(0, step.length) : core::replacement_character;
        if (text.size() + shown.size() > limit) {
            break;
        }
        text += shown;
        bytes.remove_prefix(step.length);
    }
    return text;
}

bool is_invisible(char c) {
    return (is_between(c, '\0', '\x1F') && c != '\t') || c == '\x7F';
}

std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};  // the log's ring is filled by a thread of its own
    return ++last;
}

}  // namespace

line_assembler::line_assembler(sink on_line, sink on_progress, std::size_t max_line_bytes)
    : on_line_(std::move(on_line)), on_progress_(std::move(on_progress)), max_line_bytes_(max_line_bytes) {}

void line_assembler::feed(std::string_view bytes) {
    bool changed = false;
    for (const char c : bytes) {
        if (!escape_.empty() && c != '\n' && c != '\r') {
            const escape_step step = continue_escape(escape_, c);
            if (step == escape_step::more) {
                escape_.push_back(c);
                continue;
            }
            escape_.clear();
            if (step == escape_step::complete) {
                continue;
            }
        }
        escape_.clear();
        if (c == escape) {
            escape_.push_back(c);
        } else if (c == '\n') {
            end_line();
            changed = false;
        } else if (c == '\r') {
            pending_return_ = true;
        } else if (!is_invisible(c)) {
            if (std::exchange(pending_return_, false)) {
                report_progress();
                line_.clear();
            }
            changed = true;
            if (line_.size() < max_line_bytes_) {
                line_.push_back(c);
            }
        }
    }
    if (changed) {
        report_progress();
    }
}

void line_assembler::finish() {
    escape_.clear();
    if (!line_.empty()) {
        end_line();
    }
}

void line_assembler::report_progress() {
    if (on_progress_ && !line_.empty()) {
        on_progress_(well_formed(line_, max_line_bytes_));
    }
}

void line_assembler::end_line() {
    const std::string line = well_formed(std::exchange(line_, {}), max_line_bytes_);
    pending_return_ = false;
    if (on_line_) {
        on_line_(line);
    }
}

line_ring::line_ring(std::size_t max_lines, std::size_t max_bytes)
    : max_lines_(max_lines), max_bytes_(max_bytes), id_(next_id()) {}

void line_ring::add(std::string line, wall_time when) {
    if (line.size() > max_bytes_) {
        line.resize(max_bytes_);
    }
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    times_.push_back(when);
    while (lines_.size() > max_lines_ || bytes_ > max_bytes_) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
        times_.pop_front();
        ++dropped_;
    }
}

std::vector<kept_line> line_ring::from(std::uint64_t number, std::size_t most) const {
    std::vector<kept_line> out;
    std::uint64_t next = std::max<std::uint64_t>(number, dropped_);
    for (; next < end() && out.size() < most; ++next) {
        const auto at = static_cast<std::size_t>(next - dropped_);
        out.push_back({next, times_[at], lines_[at]});
    }
    return out;
}

}  // namespace corral::telemetry
