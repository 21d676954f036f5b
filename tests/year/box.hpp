#pragma once
// One box: its power, its card, what goes wrong around it, and the services of one model. The machines, the group's
// orders and the restart rules are Corral's; the processes are played.

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "supervisor/machine/service_fsm.hpp"
#include "year/figures.hpp"
#include "year/timeline.hpp"

namespace corral::year {

// What lets no start end well while it lasts.
enum class cause { card, driver, memory, package, unseen };
inline constexpr std::size_t causes = static_cast<std::size_t>(cause::unseen) + 1;

class box {
public:
    // `plan`, `time` and `out` are borrowed.
    box(const box_plan& plan, timeline& time, figures& out);
    box(const box&) = delete;
    box& operator=(const box&) = delete;

    void boot();
    void cut_power(core::nanoseconds span);
    void suffer(cause what, core::nanoseconds span);
    void runtime_dies();
    void runtime_hangs();
    void tokenizer_dies();
    // As group::restart().
    void restart_runtime(supervisor::restart_reason why, bool at_work = false);
    // The time until now is in the figures.
    void account();

    [[nodiscard]] bool powered() const noexcept { return powered_; }
    [[nodiscard]] bool ready() const;
    [[nodiscard]] bool broken() const;
    [[nodiscard]] bool hung() const noexcept { return services_.back().process.hung; }
    // Processes of the runtime so far.
    [[nodiscard]] std::uint64_t starts() const noexcept { return services_.back().starts; }
    // As generation counts what lies outside of the runtimes.
    [[nodiscard]] std::uint64_t outside_faults() const noexcept { return outside_faults_; }

    std::function<void()> on_change;                    // ready, broken or powered may be others
    std::function<bool()> busy = [] { return false; };  // somebody is inside

private:
    struct played_process {
        std::uint64_t number = 0;  // of the process whose events count
        bool lives = false;
        bool hung = false;
        bool stuck = false;  // in its driver: no signal ends it
    };
    struct service {
        service(const catalog::service_template& rules, const box_plan& of);
        supervisor::service_plan plan;
        supervisor::service_machine machine;
        played_process process;
        std::optional<core::steady_time> armed;
        std::uint64_t starts = 0;
        bool runtime = false;
        core::nanoseconds load{};  // warm; cold up to five times
    };

    void feed(std::size_t at, supervisor::service_event event);
    void take(std::size_t at, const supervisor::service_event& event);
    void give_orders();
    void perform(service& of, std::size_t at, const supervisor::service_action& action);
    void arm(std::size_t at);
    void answer_gate(std::size_t at);
    void spawn(std::size_t at);
    void begin_load(std::size_t at);
    void ends(std::size_t at, core::nanoseconds in);
    void later(std::size_t at, core::nanoseconds in, supervisor::event_kind what);
    void ask_for_life(std::size_t at, core::nanoseconds in);
    [[nodiscard]] bool lasts(cause what) const {
        return time_.now() < until_.at(static_cast<std::size_t>(what));
    }
    [[nodiscard]] std::optional<double> fails_at(const service& of);

    const box_plan& plan_;
    timeline& time_;
    figures& out_;
    dice dice_;      // of its processes
    dice own_dice_;  // of jitter
    bool powered_ = false;
    std::uint64_t boots_ = 0;
    bool cold_ = true;
    std::array<core::steady_time, causes> until_{};
    core::steady_time memory_back_{};  // of the device, after a process
    std::vector<service> services_;
    std::vector<std::pair<std::size_t, supervisor::service_event>> queue_;
    bool feeding_ = false;
    std::uint64_t outside_faults_ = 0;

    core::steady_time accounted_{};
    core::nanoseconds outage_{0};
    core::nanoseconds outage_beyond_{0};
};

}  // namespace corral::year
