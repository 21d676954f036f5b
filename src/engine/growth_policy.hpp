#pragma once
// Whether a runtime holds ever more memory, descriptors or threads, when it would meet a limit, and whether a new process
// would help. Growth is what stays: what was given back later never counted, and what has stopped no longer does. Decides
// only.

#include <array>
#include <deque>
#include <optional>

#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"
#include "corral/process/footprint.hpp"

namespace corral::engine {

class growth_policy {
public:
    // `hour`: what all its spans are counted in; an hour for a box, less for a test. Above 0.
    explicit growth_policy(core::nanoseconds hour) : hour_(hour) {}

    // A new process serves, whoever wanted it.
    void began(core::steady_time now);
    void ran() { ++runs_; }
    // What it holds now; wanted once per `interval()`.
    void saw(const process::footprint& footprint, core::steady_time now);
    [[nodiscard]] core::nanoseconds interval() const noexcept { return hour_ / 12; }

    // It meets a limit within a day, and a new process may help: renew it once nobody has asked for `idle()`.
    [[nodiscard]] bool wants_renewal(core::steady_time now) const { return is_due(now, 24); }
    [[nodiscard]] core::nanoseconds idle() const noexcept { return hour_ / 30; }
    // It meets one within an hour: renew it between two runs.
    [[nodiscard]] bool is_overdue(core::steady_time now) const { return is_due(now, 1); }
    // It is renewed now: the next process tells what that gave back. REQUIRES: one of the two above.
    void renews(core::steady_time now);

    [[nodiscard]] growth_report report() const;
    // What it runs out of first; null: nothing.
    [[nodiscard]] static const growth_report::resource* first_of(const growth_report& all);

private:
    static constexpr std::size_t fewest_samples = 8;
    static constexpr std::size_t most_samples = 64;  // from 5 h to 3 days of them, as they grow wider
    // Warm-up: so many runs and an hour, but no longer than a day where hardly anybody asks.
    static constexpr int warm_up_runs = 12;
    static constexpr int warm_up_hours = 24;
    // Between two renewals, in hours; the longer one doubles while they don't help.
    static constexpr int helped_pause = 6;
    static constexpr int first_pause = 24;
    static constexpr int longest_pause = 28 * 24;

    // An hour in which nobody asks counts for so much of one in which somebody does, else a box that is hardly used would
    // look as if it had come to rest.
    static constexpr int idle_share = 8;

    struct sample {
        core::nanoseconds age{0};
        core::steady_time at;
        process::footprint least;  // of its span
        process::footprint most;
        void add(const process::footprint& low, const process::footprint& high);
    };
    struct trend {
        double per_second = 0.0;
        double limit = 0.0;
        std::optional<core::steady_time> full;  // when it meets the limit
        std::optional<double> at_end;           // what the process before held when it was renewed
        double grown = 0.0;                     // of that, since its warm-up
        std::optional<double> given_back;
    };
    [[nodiscard]] bool is_warm(core::steady_time now) const;
    [[nodiscard]] bool is_due(core::steady_time now, int hours) const;
    // True: a new sample, not more of the last.
    bool keep(const process::footprint& footprint, core::steady_time now);
    void judge(std::size_t which, core::steady_time now);
    void learn(const process::footprint& footprint);

    core::nanoseconds hour_;
    core::steady_time began_{};
    core::steady_time seen_{};
    int runs_ = 0;
    int seen_runs_ = 0;
    core::nanoseconds age_{0};    // since its warm-up, as idle_share says
    std::deque<sample> samples_;  // of this process since its warm-up
    core::nanoseconds width_{0};  // of a sample
    process::footprint newest_{};
    std::array<trend, process::resources> trends_;
    std::optional<std::size_t> cause_;  // of the last renewal, until its effect is known
    std::optional<core::steady_time> renewed_;
    int pause_ = helped_pause;
    bool helps_ = true;
    std::uint64_t renewals_ = 0;
};

}  // namespace corral::engine
