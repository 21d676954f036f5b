#include "memory_reclaim_policy.hpp"

#include <algorithm>

namespace corral::monitor {

namespace {

constexpr std::uint64_t kib_in_mb = 1024;
// Figures of one moment differ from those of the next by buffers of the driver.
constexpr std::uint64_t slack_mb = 64;

const device::device_process* find_process(const device::device_report& in, unsigned card, pid_t pid) {
    const auto found = std::find_if(in.processes.begin(), in.processes.end(),
                                    [&](const auto& one) { return one.card == card && one.pid == pid; });
    return found == in.processes.end() ? nullptr : &*found;
}

}  // namespace

held_share share_of(const device::device_report& at, unsigned card, pid_t pid, std::uint64_t claimed_mb) {
    held_share out;
    out.card = card;
    out.mb = claimed_mb;
    if (const device::device_process* const one = find_process(at, card, pid)) {
        out.listed = true;
        out.mb = one->kib / kib_in_mb;
    }
    const device::card_figures* const figures = device::find_card(at, card);
    if (figures != nullptr && figures->model_memory) {
        out.used = figures->model_memory->used;
    }
    return out;
}

memory_reclaim_decision judge_memory_reclaim(const held_share& before, pid_t pid,
                                             const device::device_report& now, bool quiet) {
    memory_reclaim_decision out;
    const device::card_figures* const figures = device::find_card(now, before.card);
    if (figures == nullptr || !figures->model_memory || before.mb == 0) {
        return out;
    }
    const device::memory_use& memory = *figures->model_memory;
    out.figures = "card " + std::to_string(before.card) + ": " + std::to_string(memory.used) + " of " +
                  std::to_string(memory.total) + " MB in use";
    if (now.lists_processes && before.listed) {
        if (const device::device_process* const one = find_process(now, before.card, pid)) {
            out.answer = memory_reclaim::not_yet;
            out.missing_mb = one->kib / kib_in_mb;
            out.held_by = "the ended process " + std::to_string(pid);
            return out;
        }
        out.answer = memory_reclaim::all;
        return out;
    }
    if (!quiet || !before.used) {
        return out;
    }
    const std::uint64_t expected = *before.used - std::min(before.mb, *before.used);
    if (memory.used <= expected + slack_mb) {
        out.answer = memory_reclaim::all;
        return out;
    }
    out.answer = memory_reclaim::not_yet;
    out.missing_mb = std::min(memory.used - expected, before.mb);
    return out;
}

}  // namespace corral::monitor
