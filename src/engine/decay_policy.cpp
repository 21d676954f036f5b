#include "engine/decay_policy.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#include <fmt/format.h>

#include "corral/core/text.hpp"

namespace corral::engine {

namespace {

constexpr std::uint32_t fewest_tokens = 16;
constexpr double nanoseconds = 1e9;  // of a second

// The value below which a `share` of them lies. REQUIRES: there are some.
double quantile(const std::deque<double>& all, double share) {
    std::vector<double> of(all.begin(), all.end());
    const auto at = of.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(of.size() - 1));
    std::nth_element(of.begin(), at, of.end());
    return *at;
}

}  // namespace

void decay_policy::began() {
    for (length_class& each : classes_) {
        each.before.reset();
        if (learns_ && each.last.size() >= young_runs / 2) {
            each.before = quantile(each.last, 0.5);
        }
        each.young.clear();
        each.last.clear();
    }
    judged_.clear();
    slow_since_.reset();
}

void decay_policy::ran(const decode_measure& what, core::steady_time now) {
    if (what.tokens < fewest_tokens || what.took <= core::nanoseconds{0}) {
        return;
    }
    const auto length = static_cast<std::size_t>(std::bit_width(what.context));
    length_class& of = classes_.at(std::min(length, classes_.size() - 1));
    const double token = core::as_seconds(what.took) / what.tokens;
    of.last.push_back(token);
    if (of.last.size() > young_runs) {
        of.last.pop_front();
    }
    if (of.young.size() < young_runs) {
        of.young.push_back(token);
        if (of.young.size() == young_runs) {
            of.usual = quantile(of.young, 0.5);
            learn_gain(of);
        }
        return;
    }
    judged_.push_back(token / of.usual);
    if (judged_.size() > judged_runs) {
        judged_.pop_front();
    }
    if (!is_slow()) {
        slow_since_.reset();
    } else if (!slow_since_) {
        slow_since_ = now;
    }
}

void decay_policy::learn_gain(const length_class& of) {
    if (!learns_ || !of.before) {
        return;
    }
    learns_ = false;
    gained_ = *of.before / of.usual;
    pause_ = gained_ >= helped ? helped_pause : std::min(2 * std::max(pause_, first_pause), longest_pause);
}

bool decay_policy::is_slow() const {
    return judged_.size() == judged_runs && quantile(judged_, 0.25) >= slow;
}

bool decay_policy::wants_renewal(core::steady_time now) const {
    const bool may = !renewed_ || now - *renewed_ >= pause_ * slow_for_;
    return may && slow_since_ && now - *slow_since_ >= slow_for_;
}

bool decay_policy::is_overdue(core::steady_time now) const {
    return wants_renewal(now) && now - *slow_since_ >= slow_for_ + patience();
}

void decay_policy::renews(core::steady_time now) {
    renewed_ = now;
    learns_ = true;
    ++renewals_;
}

void decay_policy::excuse(core::steady_time now) {
    if (slow_since_) {
        slow_since_ = now;
    }
}

// "7=61200000 8=65000000": the binary logarithm of the context, and nanoseconds a token.
std::string decay_policy::usual() const {
    std::string out;
    for (std::size_t length = 0; length < classes_.size(); ++length) {
        if (classes_[length].young.size() == young_runs) {
            out += fmt::format("{}{}={:.0f}", out.empty() ? "" : " ", length,
                               classes_[length].usual * nanoseconds);
        }
    }
    return out;
}

void decay_policy::resume(std::string_view usual) {
    for (const std::string_view word : core::split(usual, ' ')) {
        const std::size_t sign = std::min(word.find('='), word.size());
        const auto length = core::whole_number<std::size_t>(word.substr(0, sign));
        const auto token = core::whole_number<std::uint64_t>(word.substr(std::min(sign + 1, word.size())));
        if (length && *length < classes_.size() && token && *token > 0) {
            length_class& of = classes_[*length];
            of.usual = static_cast<double>(*token) / nanoseconds;
            of.young.assign(young_runs, of.usual);
        }
    }
}

speed_report decay_policy::report() const {
    speed_report out;
    out.renewals = renewals_;
    out.gained = gained_;
    if (slow_since_) {
        out.slower = quantile(judged_, 0.5);
        out.renewal_helps = renewals_ == 0 || learns_ || gained_ >= helped;
    }
    return out;
}

}  // namespace corral::engine
