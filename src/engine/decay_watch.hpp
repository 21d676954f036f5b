#pragma once
// Measures the runs of a backend for decay_policy and its processes for growth_policy, and renews its runtime while nobody
// wants the box, or between two runs where nobody lets it rest.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "corral/catalog/profile.hpp"
#include "corral/core/reason.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/device/report.hpp"
#include "corral/supervisor/context.hpp"
#include "corral/supervisor/group.hpp"
#include "engine/decay_policy.hpp"
#include "engine/growth_policy.hpp"

namespace corral::engine {

// What a person should know of it; empty: nothing, or it is being repaired.
[[nodiscard]] core::reason warning_of(const speed_report& seen);
[[nodiscard]] core::reason warning_of(const growth_report& seen);

class decay_watch {
public:
    // `runtime`: the service of `services` that is renewed. Of more runs at a time than one, speed is not judged, for they
    // slow each other down. REQUIRES: the context's clock and tasks outlive this.
    decay_watch(supervisor::supervisor_context context, const catalog::model_entry& model,
                std::string runtime, unsigned capacity, const std::shared_ptr<supervisor::group>& services);
    decay_watch(const decay_watch&) = delete;
    decay_watch& operator=(const decay_watch&) = delete;
    ~decay_watch();

    // Of one run, which its own mark of the box's activity outlives.
    class run {
    public:
        explicit run(decay_watch& of);
        // What run() is given, which is called as no more text can come.
        [[nodiscard]] std::function<void(const run_outcome&)> on_end(
            std::function<void(const run_outcome&)> further);
        // The runtime is renewed if that is due.
        void ended(const run_outcome& outcome);

    private:
        void judge_speed(const run_outcome& outcome);
        decay_watch& of_;
        std::uint64_t begun_;
        bool alone_;
        core::steady_time end_{};
    };

    void embedded();  // texts, which is a run for growth alone
    // What an upgrade keeps of it: the image before writes it, and the next one reads it of the same process.
    [[nodiscard]] std::string usual() const;
    void resume(const std::string& usual);
    [[nodiscard]] speed_report speed() const;
    [[nodiscard]] growth_report growth() const;
    [[nodiscard]] std::string warning() const;

private:
    struct state;
    static void renew(state& of, supervisor::group& services);
    [[nodiscard]] static core::awaitable<std::optional<device::card_figures>> hot_card(
        std::shared_ptr<state> of);
    static void announce(state& of, const std::optional<device::card_figures>& hot);
    static void wait_for_idle(const std::shared_ptr<state>& of);
    [[nodiscard]] static core::awaitable<void> renew_when_idle(std::shared_ptr<state> of);
    [[nodiscard]] static core::awaitable<void> watch_growth(std::shared_ptr<state> of);
    static void note_growth(const std::shared_ptr<state>& of, const process::footprint& seen);
    std::shared_ptr<state> state_;
};

}  // namespace corral::engine
