#include "corral/http/kept_connections.hpp"

#include <algorithm>
#include <utility>

#include "http/outgoing.hpp"

namespace corral::http {

void kept_connections::close() {
    ++mark_;
    in_calls_ = 0;
    for (const auto& line : std::exchange(idle_lines_, {})) {
        http::close(*line);
    }
}

kept_connections::begun_call kept_connections::begin(const boost::asio::ip::tcp::endpoint& to) {
    if (to != to_) {
        close();
        to_ = to;
    }
    ++in_calls_;
    begun_call out{nullptr, mark_};
    while (out.line == nullptr && !idle_lines_.empty()) {
        const std::shared_ptr<outgoing> latest = std::move(idle_lines_.back());
        idle_lines_.pop_back();
        if (is_quiet(*latest)) {
            disarm_deadline(*latest);
            out.line = latest;
        } else {
            http::close(*latest);
        }
    }
    return out;
}

void kept_connections::end(std::uint64_t mark, std::shared_ptr<outgoing> line) {
    const bool ours = mark == mark_;
    in_calls_ -= ours ? 1 : 0;
    if (line == nullptr) {
        return;
    }
    // One more than that: the next call may begin while the framing of the last answer ends.
    if (!ours || idle_lines_.size() + in_calls_ > calls_) {
        http::close(*line);
        return;
    }
    disarm_deadline(*line);
    line->timer.expires_after(std::chrono::duration_cast<core::steady_time::duration>(idle_));
    line->timer.async_wait(
        [weak = weak_from_this(), line = line.get(), mine = line->armed](const core::error_code& cancelled) {
            const auto self = weak.lock();
            if (!cancelled && self) {
                self->forget(line, mine);
            }
        });
    idle_lines_.push_back(std::move(line));
}

// The timer may have run out just when the connection was taken, so its count decides.
void kept_connections::forget(const outgoing* line, std::uint64_t armed) {
    const auto found = std::ranges::find_if(
        idle_lines_, [&](const auto& each) { return each.get() == line && each->armed == armed; });
    if (found != idle_lines_.end()) {
        http::close(**found);
        idle_lines_.erase(found);
    }
}

}  // namespace corral::http
