#pragma once
// What a service leaves in writing about its steps and its end, for those who ask later.

#include <optional>
#include <string>

#include "corral/core/time.hpp"
#include "corral/process/exit_reason.hpp"
#include "corral/supervisor/service_status.hpp"
#include "supervisor/machine/trouble_policy.hpp"
#include "supervisor/service/exit_policy.hpp"
#include "supervisor/service/process_run.hpp"

namespace corral::supervisor {

class service_notes {
public:
    service_notes(std::string service, const core::clock_source* clock)
        : service_(std::move(service)), clock_(clock) {}

    void on_launched(pid_t pid) noexcept {
        last_pid_ = pid;
        last_status_.reset();
        joint_ = false;
    }
    // A step of the machine, to `now`, with the process `pid` (0: none). Nothing when it is not worth a record.
    [[nodiscard]] std::optional<transition_record> on_step(const machine_before& before,
                                                           const service_event& event,
                                                           const service_machine& now, pid_t pid);
    // It printed a known line while it served. Whoever may ask can make it print such a line, so it is
    // remembered and nothing is done about it.
    [[nodiscard]] transition_record remark(const catalog::log_meaning& known, const service_machine& now,
                                           pid_t pid) const;
    // True when the process ended by itself.
    bool on_end(const process_run& run, const exit_story& story, const process::exit_reason& reason);
    // Others died with it.
    void on_joint_death() noexcept { joint_ = outside_ = true; }
    // The last process was killed by something else than itself and Corral.
    [[nodiscard]] bool killed_from_outside() const noexcept { return outside_; }

    // Why the last process ended; empty: none has.
    [[nodiscard]] const core::reason& last_end() const noexcept { return last_end_; }
    // exit_story::blames
    [[nodiscard]] const std::optional<std::string>& last_blamed() const noexcept { return last_blamed_; }
    // The same, of one that was wanted.
    [[nodiscard]] std::optional<restart_reason> last_loss() const noexcept { return last_loss_; }

private:
    [[nodiscard]] transition_record new_record(const service_machine& now, pid_t pid) const;

    std::string service_;
    const core::clock_source* clock_;
    pid_t last_pid_ = 0;
    std::optional<int> last_status_;
    core::reason last_end_;
    std::optional<std::string> last_blamed_;
    std::optional<restart_reason> last_loss_;
    bool outside_ = false;
    bool joint_ = false;
};

// What a line of the log says of a service, after the line before it. Nothing is said twice. No I/O.

// `before` is what was logged last. The times of `now` are seen at `at`.
[[nodiscard]] std::string log_words(const service_status& before, const service_status& now,
                                    core::steady_time at);

}  // namespace corral::supervisor
