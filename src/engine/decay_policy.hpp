#pragma once
// Whether a runtime has become slower than itself, and whether a new process would help. What a token takes is compared
// with what tokens of an equally long context took while the same process was young, so neither a slow model nor a long
// prompt looks like decay. Decides only.

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"

namespace corral::engine {

// The decode stage of one run that had the box to itself.
struct decode_measure {
    std::uint32_t tokens = 0;   // generated; runs of a few tell nothing
    std::uint32_t context = 0;  // tokens, prompt and answer
    core::nanoseconds took{0};
};

class decay_policy {
public:
    // How long it must have been slow before it is renewed. The other spans follow: see the members below.
    explicit decay_policy(core::nanoseconds slow_for) : slow_for_(slow_for) {}

    // A new process serves, whoever wanted it.
    void began();
    void ran(const decode_measure& what, core::steady_time now);

    // It is slow, has been for long enough, and a new process may help: renew it once nobody has asked for `idle()`.
    [[nodiscard]] bool wants_renewal(core::steady_time now) const;
    [[nodiscard]] core::nanoseconds idle() const noexcept { return slow_for_ / 30; }
    // Nobody has let it rest for `patience()`: renew it between two runs.
    [[nodiscard]] bool is_overdue(core::steady_time now) const;
    [[nodiscard]] core::nanoseconds patience() const noexcept { return slow_for_; }
    // It is renewed now: the runs of the next process tell what it gained.
    void renews(core::steady_time now);
    // It is slow for a cause that a new process would not end: that is judged again after as long.
    void excuse(core::steady_time now);
    // How fast the process was while it was young, in words for the next image of an upgrade, which takes what makes sense
    // of them after began().
    [[nodiscard]] std::string usual() const;
    void resume(std::string_view usual);

    [[nodiscard]] speed_report report() const;

private:
    static constexpr std::size_t young_runs = 12;   // of one length of context
    static constexpr std::size_t judged_runs = 24;  // the last ones
    static constexpr double slow = 1.5;             // times as long, in three of four runs
    static constexpr double helped = 1.2;           // times as fast
    // Between two renewals, in `slow_for`; doubles while they don't help.
    static constexpr int first_pause = 12;
    static constexpr int helped_pause = 4;
    static constexpr int longest_pause = 336;

    struct length_class {
        std::deque<double> young;      // seconds a token
        double usual = 0.0;            // the median of those, once there are enough
        std::deque<double> last;       // the same, of its last runs
        std::optional<double> before;  // the median of those of the process before, where that was renewed
    };
    [[nodiscard]] bool is_slow() const;
    void learn_gain(const length_class& of);

    core::nanoseconds slow_for_;
    std::array<length_class, 24> classes_;  // by the binary logarithm of the context
    std::deque<double> judged_;             // times as long as usual
    std::optional<core::steady_time> slow_since_;
    std::optional<core::steady_time> renewed_;
    int pause_ = first_pause;
    bool learns_ = false;
    std::uint64_t renewals_ = 0;
    double gained_ = 0.0;
};

}  // namespace corral::engine
