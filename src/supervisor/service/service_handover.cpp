// A service's process that outlives one image of this program and is looked after by the next.

#include <algorithm>
#include <utility>

#include "supervisor/service/service_runner.hpp"

namespace corral::supervisor {

std::optional<service_handover> service_runner::hand_over() const {
    if (run_ == nullptr || !serves(*run_)) {
        return std::nullopt;
    }
    service_handover out;
    out.name = spec_.name;
    out.process = run_->child.hand_over();
    out.port = port_.endpoint().port();
    out.followed = port_.confined().followed();
    out.unreached = port_.confined().unreached();
    out.unguarded = port_.confined().unguarded();
    out.starts = starts_;
    out.ready_since = machine_.since;
    const auto& lines = ring_.lines();
    out.lines.assign(lines.begin(), lines.end());
    return out;
}

core::result<void> service_runner::take_over(const service_handover& from) {
    if (auto expected =
            port_.resume(from.port, from.followed, from.unreached, core::reason::unlisted(from.unguarded));
        !expected) {
        return expected;
    }
    auto taken = process::child::adopt(context_.on, from.process);
    if (!taken) {
        return taken.error();
    }
    port_.go_on();
    for (const std::string& line : from.lines) {
        ring_.add(line, telemetry::line_ring::wall_time{});
    }
    ring_.add("[corral] taken over by a new image of corral");
    starts_ = std::max<std::uint64_t>(from.starts, 1) - 1;  // adopt() counts this one
    adopt(std::move(taken.value()));
    feed({event_kind::adopted, {}, {}});
    machine_.since = std::min(from.ready_since, machine_.since);
    published_.since = machine_.since;
    return {};
}

}  // namespace corral::supervisor
