#include "engine/dialects/ax_poll/printed_lines.hpp"

#include <cstddef>

namespace corral::engine::ax_poll {

namespace {

constexpr std::size_t most_kept = std::size_t{64} * 1024;
constexpr std::string_view reset_line = "GenerateKVCachePrefill][";  // docs/facts/vendor_ax.md#reset

}  // namespace

void printed_lines::begin(bool listens) {
    text_.clear();
    listens_ = listens;
}

void printed_lines::feed(std::string_view bytes) {
    if (listens_ && text_.size() < most_kept) {
        text_ += bytes.substr(0, most_kept - text_.size());
    }
}

// The first of the lines that a reset prints: a later one of the reset before may come after its end.
bool printed_lines::reset_begun() const {
    for (auto at = text_.find(reset_line); at != std::string::npos; at = text_.find(reset_line, at + 1)) {
        const std::string_view line = std::string_view(text_).substr(at, text_.find('\n', at) - at);
        if (line.find("]: input token num") != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

// The second is of the builds without a reset.
bool printed_lines::encode_failed() const {
    return said("]: encode failed") || said("]: lLaMa.Encode failed");
}

bool printed_lines::run_line_missing() const {
    return listens_ && prints_begins_ && !encode_failed() && !said("SetKVCache][");
}

bool printed_lines::learn_reset() {
    const bool printed = reset_begun();
    const bool right = printed || !prints_begins_;
    prints_begins_ = prints_begins_ || printed;
    return right;
}

bool names_a_reset(std::string_view text) {
    return text.find(reset_line) != std::string_view::npos;
}

bool names_a_failed_encode(std::string_view text) {
    return text.find("ncode failed") != std::string_view::npos;
}

}  // namespace corral::engine::ax_poll
