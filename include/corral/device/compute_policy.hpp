#pragma once
// Whether an accelerator computes the answers that its runtime gives, or the host's processors do in its
// place: no message of a runtime and no figure of memory proves it, only the accelerator's own counter while
// tokens are made (docs/facts/other_runtimes.md#monitoring, #silent-cpu). Decides only; one for each set of
// processes.
//
// A counter is a look at one moment, and a healthy accelerator that waits for its host is at zero in many of
// them. So how long a silence must be before it is believed is learned from those that ended: the first one
// of a set of processes is believed soon, for that is when a fallback shows.

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "corral/core/reason.hpp"
#include "corral/core/time.hpp"

namespace corral::device {

struct compute_options {
    core::nanoseconds least_decode{core::seconds{6}};
    unsigned least_samples = 6;
    double busy_cores = 0.8;    // of the host, from which on it can be what computes
    double host_cores = 1;      // that the runtime could keep busy
    unsigned low_percent = 35;  // a mean below is worth a hint
    std::string unit = "NPU";
};

enum class compute_verdict {
    unknown,    // nothing was seen yet, or the counters can't be read; never the same as ok
    ok,         // it computes
    underused,  // it computes, and mostly waits for its host
    suspected,  // it does next to nothing, and the host's processors are busy
    fallback,   // it did nothing at all, and the host's processors are busy
};
[[nodiscard]] const char* to_string(compute_verdict verdict) noexcept;

// One look while an answer is made.
struct compute_sample {
    core::steady_time at;
    bool decodes = false;         // tokens come; false: the prompt is still being read
    std::optional<unsigned> npu;  // percent; absent: the counter could not be read
    core::nanoseconds cpu{0};     // that the processes have used so far; only grows
    core::nanoseconds waited{0};  // that they were ready and others had the processors; only grows
};

struct compute_state {
    compute_verdict verdict = compute_verdict::unknown;
    double npu_mean = 0;  // percent, of the looks that the verdict is about
    unsigned npu_most = 0;
    double busy_cores = 0;  // of the host, in the mean
    core::reason text;      // one plain sentence without a full stop; empty while unknown
};

class compute_policy {
public:
    explicit compute_policy(compute_options options) : options_(std::move(options)) {}

    // An answer begins, or one is over: what was used between two looks across it is not counted.
    void on_pause() noexcept { last_.reset(); }
    // Times must not go back.
    void on_sample(const compute_sample& sample);
    // Other processes run now: what was seen of the last ones is void.
    void on_restart();

    [[nodiscard]] const compute_state& state() const noexcept { return state_; }
    // It computes, and has for a while: a look now and then will do, for each costs the device's driver some
    // work too.
    [[nodiscard]] bool is_settled() const noexcept;

private:
    struct look {
        core::nanoseconds took{0};  // since the look before
        core::nanoseconds cpu{0};   // used meanwhile
        core::nanoseconds waited{0};
        unsigned npu = 0;
    };
    struct figures {
        core::nanoseconds took{0};
        std::size_t looks = 0;
        double mean = 0;
        unsigned most = 0;
        double cores = 0;
        double wanted = 0;  // cores that they would have kept busy on a box with nothing else to do
    };
    void learn(unsigned npu);
    [[nodiscard]] figures newest(std::size_t looks, core::nanoseconds least) const;
    [[nodiscard]] std::size_t silence_to_believe() const;
    void judge();
    void tell(compute_verdict verdict, const figures& of);

    compute_options options_;
    compute_state state_;
    std::deque<look> looks_;  // of decode, newest last
    std::optional<compute_sample> last_;
    unsigned unreadable_ = 0;     // looks in a row
    std::size_t silence_ = 0;     // looks at zero in a row, now
    std::size_t past_looks_ = 0;  // before that, of these processes ...
    std::size_t zeros_ = 0;       // ... at zero among them ...
    std::size_t silences_ = 0;    // ... in so many pieces
    std::size_t longest_silence_ = 0;
};

}  // namespace corral::device
