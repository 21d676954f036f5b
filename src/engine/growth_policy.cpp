#include "engine/growth_policy.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace corral::engine {

namespace {

struct point {
    double at = 0.0;  // seconds
    double held = 0.0;
    double most = 0.0;
    double limit = 0.0;
};

// The value below which a `share` of them lies. REQUIRES: there are some.
double quantile(std::vector<double>& of, double share) {
    const auto at = of.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(of.size()));
    std::nth_element(of.begin(), at, of.end());
    return *at;
}

// After Theil and Sen, of the slopes between all pairs of points: the one that a `share` of them is below. A second. REQUIRES:
// two points, in the order of time.
double slope(std::span<const point> of, double share) {
    std::vector<double> all;
    all.reserve(of.size() * (of.size() - 1) / 2);
    for (std::size_t to = 1; to < of.size(); ++to) {
        for (std::size_t from = 0; from < to; ++from) {
            all.push_back((of[to].held - of[from].held) / (of[to].at - of[from].at));
        }
    }
    return quantile(all, share);
}

std::uint64_t held(const std::optional<process::resource_use>& use, std::uint64_t otherwise) {
    return use ? use->held : otherwise;
}

}  // namespace

void growth_policy::began(core::steady_time now) {
    began_ = seen_ = now;
    runs_ = seen_runs_ = 0;
    age_ = core::nanoseconds{0};
    samples_.clear();
    newest_ = {};
    width_ = interval();
    for (trend& each : trends_) {
        each.per_second = 0;
        each.full.reset();
    }
}

bool growth_policy::is_warm(core::steady_time now) const {
    const core::nanoseconds age = now - began_;
    return (age >= hour_ && runs_ >= warm_up_runs) || age >= warm_up_hours * hour_;
}

void growth_policy::saw(const process::footprint& footprint, core::steady_time now) {
    const core::nanoseconds passed = now - std::exchange(seen_, now);
    const bool used = std::exchange(seen_runs_, runs_) != runs_;
    if (!is_warm(now)) {
        return;
    }
    age_ += used ? passed : passed / idle_share;
    learn(footprint);
    newest_ = footprint;
    if (keep(footprint, now)) {
        for (std::size_t each = 0; each < trends_.size(); ++each) {
            judge(each, now);
        }
    }
}

void growth_policy::learn(const process::footprint& footprint) {
    for (std::size_t each = 0; each < trends_.size(); ++each) {
        trend& of = trends_.at(each);
        if (!of.at_end || !footprint.at(each)) {
            continue;
        }
        of.given_back = *of.at_end - static_cast<double>(footprint.at(each)->held);
        of.at_end.reset();
        if (cause_ == each) {
            helps_ = *of.given_back >= of.grown / 2;
            pause_ = helps_ ? helped_pause : std::clamp(2 * pause_, first_pause, longest_pause);
            cause_.reset();
        }
    }
}

void growth_policy::sample::add(const process::footprint& low, const process::footprint& high) {
    for (std::size_t each = 0; each < low.size(); ++each) {
        constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();
        least.at(each) = held(low.at(each), top) < held(least.at(each), top) ? low.at(each) : least.at(each);
        most.at(each) = held(high.at(each), 0) > held(most.at(each), 0) ? high.at(each) : most.at(each);
    }
}

// Twice as wide whenever there are too many, so that a young process is judged soon and an old one by days.
bool growth_policy::keep(const process::footprint& footprint, core::steady_time now) {
    if (!samples_.empty() && age_ - samples_.back().age < width_) {
        samples_.back().add(footprint, footprint);
        return false;
    }
    samples_.push_back({age_, now, footprint, footprint});
    if (samples_.size() <= most_samples) {
        return true;
    }
    if (width_ >= hour_) {
        samples_.pop_front();
        return true;
    }
    width_ *= 2;
    std::deque<sample> wider;
    for (const sample& each : samples_) {
        if (wider.empty() || each.age - wider.back().age >= width_ - interval() / 2) {
            wider.push_back(each);
        } else {
            wider.back().add(each.least, each.most);
        }
    }
    samples_ = std::move(wider);
    return true;
}

void growth_policy::judge(std::size_t which, core::steady_time now) {
    std::vector<point> all;
    for (const sample& each : samples_) {
        if (const auto& use = each.least.at(which)) {
            all.push_back({core::as_seconds(each.age), static_cast<double>(use->held),
                           static_cast<double>(held(each.most.at(which), 0)),
                           static_cast<double>(use->limit)});
        }
    }
    trend& out = trends_.at(which);
    out.per_second = 0;
    out.full.reset();
    if (all.size() < fewest_samples) {
        out.limit = all.empty() ? 0 : all.back().limit;
        return;
    }
    for (std::size_t at = all.size() - 1; at-- > 0;) {
        all[at].held = std::min(all[at].held, all[at + 1].held);  // what was given back later was no growth
    }
    const std::span<const point> recent = std::span(all).last(std::max(all.size() / 3, fewest_samples));
    std::vector<double> limits;  // others take of the same memory and give it back
    std::vector<double> peaks;   // above what stays
    for (const point& each : recent) {
        limits.push_back(each.limit);
        peaks.push_back(each.most - each.held);
    }
    out.limit = quantile(limits, 0.5);
    const double highest = all.back().held + quantile(peaks, 0.9);
    // Three of four pairs grow, of late too: a step, or what has come to rest, is none.
    const double recently = slope(recent, 0.25);
    if (recently <= 0 || slope(all, 0.25) <= 0) {
        return;
    }
    const double passed = core::as_seconds(samples_.back().at - samples_.front().at);
    const double aged = core::as_seconds(samples_.back().age - samples_.front().age);
    out.per_second = std::min(slope(all, 0.5), recently) * aged / passed;
    const double grown = out.per_second * passed;
    const double left = std::max(0.0, out.limit - highest);
    // No further ahead than it was seen to grow: what is left is no more than what it has taken. And where others leave it no
    // room, a little of its own is not the cause.
    if (out.limit > 0 && grown > 0 && left <= grown && grown >= all.back().held / 32) {
        out.full = now + core::nanoseconds(static_cast<core::nanoseconds::rep>(left / out.per_second * 1e9));
    }
}

bool growth_policy::is_due(core::steady_time now, int hours) const {
    const bool rests = renewed_ && now - *renewed_ < pause_ * hour_;
    // What helps is not put off beyond the limit.
    const core::nanoseconds horizon = (rests ? 1 : hours) * hour_;
    return (!rests || helps_) && std::ranges::any_of(trends_, [&](const trend& each) {
               return each.full && *each.full - now <= horizon;
           });
}

void growth_policy::renews(core::steady_time now) {
    std::optional<std::size_t> first;
    for (std::size_t each = 0; each < trends_.size(); ++each) {
        trend& of = trends_.at(each);
        if (of.full && (!first || *of.full < *trends_.at(*first).full)) {
            first = each;
        }
        const auto& last = newest_.at(each);
        if (const auto& young = samples_.front().least.at(each); last && young) {
            of.at_end = static_cast<double>(last->held);
            of.grown = *of.at_end - static_cast<double>(young->held);
        }
    }
    cause_ = first;
    renewed_ = now;
    ++renewals_;
    began(now);
}

growth_report growth_policy::report() const {
    growth_report out;
    out.renewals = renewals_;
    out.renewal_helps = helps_;
    for (std::size_t each = 0; each < trends_.size(); ++each) {
        const trend& of = trends_.at(each);
        if (!newest_.at(each)) {
            continue;
        }
        growth_report::resource one;
        one.which = static_cast<process::resource>(each);
        one.held = static_cast<double>(newest_.at(each)->held);
        one.limit = of.limit;
        one.per_hour = of.per_second * 3600;
        if (of.full) {
            one.left = std::max(core::nanoseconds(*of.full - seen_), core::nanoseconds{0});
        }
        one.given_back = of.given_back;
        out.resources.push_back(one);
    }
    return out;
}

const growth_report::resource* growth_policy::first_of(const growth_report& all) {
    const growth_report::resource* out = nullptr;
    for (const growth_report::resource& each : all.resources) {
        if (each.left && (out == nullptr || *each.left < *out->left)) {
            out = &each;
        }
    }
    return out;
}

}  // namespace corral::engine
