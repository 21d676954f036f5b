#include <algorithm>
#include <atomic>

#include "corral/telemetry/output_lines.hpp"

namespace corral::telemetry {

namespace {

std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};  // the log's ring is filled by a thread of its own
    return ++last;
}

}  // namespace

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
