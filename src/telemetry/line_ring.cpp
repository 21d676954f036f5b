#include "corral/telemetry/output_lines.hpp"

namespace corral::telemetry {

void line_ring::add(std::string line) {
    if (line.size() > max_bytes_) {
        line.resize(max_bytes_);
    }
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    while (lines_.size() > max_lines_ || bytes_ > max_bytes_) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
        ++dropped_;
    }
}

}  // namespace corral::telemetry
