#include "corral/device/gate_policy.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::device {

namespace {

constexpr std::uint64_t kib_in_mb = 1024;
// Figures of one moment differ from those of the next by buffers of the driver.
constexpr std::uint64_t memory_slack_mb = 64;
// Growth below this is no model.
constexpr std::uint64_t least_need_mb = 8;

std::string mb(std::uint64_t amount) {
    return std::to_string(amount) + " MB";
}

std::string seconds_text(core::milliseconds span) {
    return std::to_string((span.count() + 999) / 1000) + " s";
}

std::string file_name(const std::string& path) {
    const auto at = path.rfind('/');
    return at == std::string::npos ? path : path.substr(at + 1);
}

const device_process* largest_living(const device_report& report, unsigned card,
                                     const std::function<bool(pid_t)>& lives) {
    const device_process* largest = nullptr;
    for (const device_process& one : report.processes) {
        if (one.card == card && lives(one.pid) && (largest == nullptr || one.kib > largest->kib)) {
            largest = &one;
        }
    }
    return largest;
}

}  // namespace

gate_decision gate_policy::open(core::reason finding, core::reason warning) {
    short_since_.reset();
    ended_.reset();
    if (warning == warned_) {
        warning = {};
    } else if (!warning.empty()) {
        warned_ = warning;
    }
    return {gate_answer::open, std::move(finding), {}, std::move(warning)};
}

gate_decision gate_policy::judge(const device_look& look, core::steady_time now,
                                 const std::function<bool(pid_t)>& lives) {
    gate_decision decision;
    if (look.problem != look_problem::none) {
        decision = judge_problem(look);
    } else {
        worked_ = true;
        const card_figures* const card = find_card(look.report, options_.card);
        if (look.report.cards.empty()) {
            decision = {gate_answer::shut, core::say("device.lost/no-card"), options_.advice, {}};
        } else if (card == nullptr) {
            decision = {gate_answer::shut,
                        core::say("device.lost/card", options_.card, look.report.cards.size()),
                        options_.advice,
                        {}};
        } else {
            decision = judge_memory(look.report, *card, now, lives);
        }
    }
    if (decision.answer == gate_answer::open) {
        const card_figures* const card = find_card(look.report, options_.card);
        used_before_ =
            card != nullptr && card->model_memory ? std::optional(card->model_memory->used) : std::nullopt;
    }
    return decision;
}

gate_decision gate_policy::judge_problem(const device_look& look) {
    // A tool that has worked before and fails now tells of the device; one that never did only of itself.
    const bool not_believed = options_.optional && !worked_ && look.problem != look_problem::hangs;
    if (not_believed || (options_.optional && look.problem == look_problem::tool_missing)) {
        return open({}, core::say("device.unreadable/without", look.message));
    }
    if (look.problem == look_problem::hangs) {
        return {gate_answer::shut, core::say("device.silent/driver", look.message), options_.advice, {}};
    }
    return {gate_answer::shut, core::say("device.unreadable/fails", look.message), options_.advice, {}};
}

bool gate_policy::is_short(const memory_use& memory) const {
    const std::uint64_t slack = std::max(need() / 20, std::uint64_t{16});
    return need() != 0 && memory.free() + slack < need();
}

// Who has ended and still has memory; by its number where the tool lists processes, else by the sum.
std::optional<gate_policy::holder> gate_policy::held_by_the_dead(
    const device_report& report, const memory_use& memory, const std::function<bool(pid_t)>& lives) const {
    for (const device_process& one : report.processes) {
        const bool ours = ended_ == one.pid;
        const bool like_ours = !options_.program.empty() && file_name(one.name) == options_.program;
        if (one.card == options_.card && (ours || like_ours) && !lives(one.pid)) {
            return holder{
                "the ended process " + std::to_string(one.pid) + " still holds " + mb(one.kib / kib_in_mb),
                ours};
        }
    }
    const bool list_tells = report.lists_processes && listed_;
    if (!ended_ || list_tells || !used_before_ || memory.used <= *used_before_ + memory_slack_mb) {
        return std::nullopt;
    }
    // What others took meanwhile is no reason to wait when there is enough.
    if (need() != 0 && !is_short(memory)) {
        return std::nullopt;
    }
    return holder{mb(memory.used - *used_before_) + " more are in use than before the last start", false};
}

gate_decision gate_policy::judge_memory(const device_report& report, const card_figures& card,
                                        core::steady_time now, const std::function<bool(pid_t)>& lives) {
    if (!card.model_memory) {
        return open(core::reason::unlisted(describe(card)));
    }
    const memory_use& memory = *card.model_memory;
    const auto held = held_by_the_dead(report, memory, lives);
    const bool too_little = is_short(memory);
    if (!held && !too_little) {
        return open(core::reason::unlisted(describe(card)));
    }
    if (!short_since_) {
        short_since_ = now;
    }
    const bool over = now - *short_since_ >= options_.memory_wait;
    std::string facts = std::to_string(memory.free()) + " of " + mb(memory.total) + " free";
    if (too_little) {
        facts += ", about " + mb(need()) + " needed";
    }
    const device_process* const other = held ? nullptr : largest_living(report, options_.card, lives);
    if (held) {
        facts += ", " + held->text;
    } else if (other != nullptr) {
        facts += ", process " + std::to_string(other->pid) + " (" + file_name(other->name) + ") holds " +
                 mb(other->kib / kib_in_mb);
    }
    if (!over) {
        return {gate_answer::wait, core::say("device.memory-wait", facts), {}, {}};
    }
    const bool hopeless = too_little || (held->certain && need() == 0);
    if (!hopeless) {
        return open(core::reason::unlisted(describe(card)), core::say("device.memory-gone/tried", facts));
    }
    if (other != nullptr) {
        return {gate_answer::shut,
                core::say("device.memory-short", facts),
                core::say("device.memory-short/do"),
                {}};
    }
    return {gate_answer::shut,
            core::say("device.memory-gone", seconds_text(options_.memory_wait), facts),
            options_.advice,
            {}};
}

void gate_policy::on_spawned(pid_t pid, std::uint64_t changes) {
    running_ = pid;
    changes_before_ = changes;
    listed_ = false;
}

void gate_policy::on_ready(const device_look& look, std::uint64_t changes) {
    if (look.problem != look_problem::none || !running_) {
        return;
    }
    worked_ = true;
    for (const device_process& one : look.report.processes) {
        if (one.card == options_.card && one.pid == *running_) {
            listed_ = true;
            learned_ = std::max(one.kib / kib_in_mb, std::uint64_t{1});
            return;
        }
    }
    const card_figures* const card = find_card(look.report, options_.card);
    const bool comparable = used_before_ && changes == changes_before_;
    if (comparable && card != nullptr && card->model_memory &&
        card->model_memory->used >= *used_before_ + least_need_mb) {
        learned_ = card->model_memory->used - *used_before_;
    }
}

void gate_policy::on_gone() {
    ended_ = running_ ? running_ : ended_;
    running_.reset();
}

}  // namespace corral::device
