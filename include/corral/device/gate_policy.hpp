#pragma once
// Whether a service that needs an accelerator may be started now: is the card there, does its driver answer,
// is there memory, and has the memory of the last process come back (a runtime killed while it held the card
// may leave its memory taken for a while, or until the card is restarted: docs/facts/vendor_ax.md#axllm,
// #figures). Decides only; one for each service. Memory in MB is MiB here, as in the vendor's own words.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

#include "corral/core/reason.hpp"
#include "corral/core/time.hpp"
#include "corral/device/reader.hpp"
#include "corral/device/report.hpp"

namespace corral::device {

struct gate_options {
    bool optional = true;  // a tool that has never worked here keeps nothing from starting
    unsigned card = 0;
    std::uint64_t memory_mb = 0;             // what one process needs; 0: learned from its first start
    core::milliseconds memory_wait{30'000};  // for memory to come back, from the first look that misses it
    std::string program;                     // of the service, to know its own left-overs by; may be empty
    std::string advice;                      // what brings a card back; may be empty
};

enum class gate_answer {
    open,
    wait,  // soon: memory is on its way back
    shut,  // not as it is: it is looked at again now and then
};

struct gate_decision {
    gate_answer answer = gate_answer::open;
    core::reason reason;   // open: what the card says of itself, may be empty; else why not, one sentence
    std::string advice;    // may be empty
    core::reason warning;  // open in spite of something that a person should know; said once
};

class gate_policy {
public:
    explicit gate_policy(gate_options options) : options_(std::move(options)) {}

    // `lives` tells whether a process of this host exists.
    [[nodiscard]] gate_decision judge(const device_look& look, core::steady_time now,
                                      const std::function<bool(pid_t)>& lives);
    // It was started after an open gate; it is ready, and this is how the card looks now; it is gone.
    // `changes` is the reader's count at that moment.
    void on_spawned(pid_t pid, std::uint64_t changes);
    void on_ready(const device_look& look, std::uint64_t changes);
    void on_gone();

    // Of one process, in MB; 0: not known yet.
    [[nodiscard]] std::uint64_t need() const noexcept {
        return learned_ != 0 ? learned_ : options_.memory_mb;
    }

    // Seen and not just said; 0: not yet.
    [[nodiscard]] std::uint64_t measured() const noexcept { return learned_; }

private:
    struct holder {
        std::string text;      // "the ended process 1234 still holds 4779 MB"
        bool certain = false;  // a process of ours, by its number
    };
    [[nodiscard]] gate_decision judge_problem(const device_look& look);
    [[nodiscard]] gate_decision judge_memory(const device_report& report, const card_figures& card,
                                             core::steady_time now, const std::function<bool(pid_t)>& lives);
    [[nodiscard]] std::optional<holder> held_by_the_dead(const device_report& report,
                                                         const memory_use& memory,
                                                         const std::function<bool(pid_t)>& lives) const;
    [[nodiscard]] gate_decision open(core::reason finding, core::reason warning = {});
    [[nodiscard]] bool is_short(const memory_use& memory) const;

    gate_options options_;
    std::uint64_t learned_ = 0;
    bool worked_ = false;  // the tool has given a readable answer in this life
    core::reason warned_;
    std::optional<std::uint64_t> used_before_;  // at the last open gate
    std::uint64_t changes_before_ = 0;          // when it was spawned
    std::optional<pid_t> running_;
    std::optional<pid_t> ended_;  // the last process, until its memory is back
    bool listed_ = false;         // the last process was in the tool's list while it ran
    std::optional<core::steady_time> short_since_;
};

}  // namespace corral::device
