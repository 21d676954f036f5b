#include "corral/device/compute_policy.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "corral/core/say.hpp"

namespace corral::device {

namespace {

constexpr double idle_percent = 5;        // docs/facts/other_runtimes.md#silent-cpu
constexpr double all_of_the_host = 0.7;   // of the cores that the runtime could use
constexpr std::size_t long_factor = 4;    // of the least looks, for what is no certainty
constexpr std::size_t longest_wait = 60;  // looks
// How unlikely a silence must be for an accelerator that computes, before it is believed.
constexpr double believed_below = 1e-9;

double seconds_of(core::nanoseconds span) {
    return std::chrono::duration<double>(span).count();
}

bool accuses(compute_verdict verdict) {
    return verdict == compute_verdict::fallback || verdict == compute_verdict::suspected;
}

}  // namespace

const char* to_string(compute_verdict verdict) noexcept {
    switch (verdict) {
        case compute_verdict::ok:
            return "ok";
        case compute_verdict::underused:
            return "underused";
        case compute_verdict::suspected:
            return "suspected";
        case compute_verdict::fallback:
            return "fallback";
        case compute_verdict::unknown:
            break;
    }
    return "unknown";
}

void compute_policy::on_restart() {
    compute_options kept = std::move(options_);
    *this = compute_policy(std::move(kept));
}

bool compute_policy::is_settled() const noexcept {
    const bool computes =
        state_.verdict == compute_verdict::ok || state_.verdict == compute_verdict::underused;
    return computes && silence_ == 0 && unreadable_ == 0 && past_looks_ >= longest_wait;
}

// Every look teaches, also one while the prompt is read: work there shows that these processes use it.
void compute_policy::learn(unsigned npu) {
    if (npu == 0) {
        return;
    }
    longest_silence_ = std::max(longest_silence_, silence_);
    zeros_ += silence_;
    silences_ += silence_ > 0 ? 1 : 0;
    past_looks_ += silence_ + 1;
    silence_ = 0;
}

void compute_policy::on_sample(const compute_sample& sample) {
    const std::optional<compute_sample> before = std::exchange(last_, sample);
    if (!sample.npu) {
        if (++unreadable_ >= options_.least_samples) {
            state_ = {};
            state_.text = core::say("device.cpu-instead/unreadable", options_.unit);
        }
        return;
    }
    unreadable_ = 0;
    learn(*sample.npu);
    const bool follows = before && before->decodes && sample.decodes && sample.at > before->at;
    if (!follows) {
        return;
    }
    silence_ += *sample.npu == 0 ? 1 : 0;
    looks_.push_back({sample.at - before->at, std::max(sample.cpu - before->cpu, core::nanoseconds{0}),
                      std::max(sample.waited - before->waited, core::nanoseconds{0}), *sample.npu});
    while (looks_.size() > std::max<std::size_t>(longest_wait, long_factor * options_.least_samples)) {
        looks_.pop_front();
    }
    judge();
}

// The newest so many looks, and more of them until they cover the least time.
compute_policy::figures compute_policy::newest(std::size_t looks, core::nanoseconds least) const {
    figures out;
    double sum = 0;
    core::nanoseconds cpu{0};
    core::nanoseconds waited{0};
    for (auto at = looks_.rbegin(); at != looks_.rend() && (out.looks < looks || out.took < least); ++at) {
        out.took += at->took;
        cpu += at->cpu;
        waited += at->waited;
        sum += at->npu;
        out.most = std::max(out.most, at->npu);
        ++out.looks;
    }
    if (out.looks > 0) {
        out.mean = sum / static_cast<double>(out.looks);
        out.cores = seconds_of(cpu) / std::max(seconds_of(out.took), 1e-6);
        out.wanted = seconds_of(cpu + waited) / std::max(seconds_of(out.took), 1e-6);
    }
    return out;
}

// Nothing was seen to compute yet: the least. Else, when enough was seen, what is three times as long as any
// silence before, and too long to be chance.
std::size_t compute_policy::silence_to_believe() const {
    if (past_looks_ == 0) {
        return options_.least_samples;
    }
    if (past_looks_ < longest_wait) {
        return longest_wait;
    }
    const auto zeros = static_cast<double>(zeros_);
    const double begins = (zeros + 1) / (static_cast<double>(past_looks_) + 2);
    const double goes_on = zeros_ == 0 ? 0 : (zeros - static_cast<double>(silences_) + 1) / (zeros + 2);
    const double chance = std::ceil(std::log(believed_below) / std::log(std::max(begins, goes_on)));
    const auto looks = std::max(static_cast<std::size_t>(chance), 3 * longest_silence_);
    return std::clamp<std::size_t>(looks, options_.least_samples, longest_wait);
}

void compute_policy::judge() {
    const figures now = newest(options_.least_samples, options_.least_decode);
    if (now.looks < options_.least_samples || now.took < options_.least_decode) {
        return;
    }
    if (now.most == 0) {
        // What computed before and is silent for a moment keeps its verdict.
        if (silence_ >= silence_to_believe()) {
            tell(now.wanted >= options_.busy_cores ? compute_verdict::fallback : compute_verdict::unknown,
                 now);
        }
        return;
    }
    const figures longer = newest(long_factor * options_.least_samples, options_.least_decode);
    const bool long_enough = longer.looks >= long_factor * options_.least_samples;
    const double whole_host = std::max(options_.busy_cores, all_of_the_host * options_.host_cores);
    if (long_enough && longer.mean < idle_percent && longer.wanted >= whole_host) {
        tell(compute_verdict::suspected, longer);
    } else if (accuses(state_.verdict) && now.mean < idle_percent) {
        return;  // a flicker is no work
    } else if (long_enough && longer.mean < options_.low_percent && longer.wanted >= options_.busy_cores) {
        tell(compute_verdict::underused, longer);
    } else {
        tell(compute_verdict::ok, now);
    }
}

void compute_policy::tell(compute_verdict verdict, const figures& of) {
    state_.verdict = verdict;
    state_.npu_mean = of.mean;
    state_.npu_most = of.most;
    state_.busy_cores = of.cores;
    const std::string cores = fmt::format("{:.1f}", of.cores);
    if (of.most == 0) {
        state_.text = verdict == compute_verdict::fallback
                          ? core::say("device.cpu-instead/cpu", options_.unit, cores)
                          : core::say("device.cpu-instead/neither", options_.unit, cores);
        return;
    }
    std::string figures =
        fmt::format("{} {:.0f} % (at most {} %), {} CPU cores busy", options_.unit, of.mean, of.most, cores);
    if (verdict == compute_verdict::suspected) {
        state_.text = core::say("device.cpu-instead/probably", figures);
        return;
    }
    if (verdict == compute_verdict::underused) {
        figures += fmt::format(": the {} waits {:.0f} % of the time, the host holds it up", options_.unit,
                               100 - of.mean);
    }
    state_.text = core::reason::unlisted(std::move(figures));
}

}  // namespace corral::device
