#include "corral/supervisor/learned_clock.hpp"

#include <algorithm>

namespace corral::supervisor {

namespace {

constexpr std::size_t percent = 99;
// The longest step that was well leaves at least as much room again, however rare it is.
constexpr int over_longest = 2;
// Doubling beyond this reaches every ceiling.
constexpr unsigned most_doubts = 16;

std::string whole_and_tenths(long long tenths, const char* unit) {
    std::string out = std::to_string(tenths / 10);
    if (tenths % 10 != 0) {
        out += "." + std::to_string(tenths % 10);
    }
    return out + unit;
}

}  // namespace

std::string seconds_text(core::nanoseconds span) {
    const auto thousandths = std::chrono::duration_cast<core::milliseconds>(span).count();
    if (thousandths > 0 && thousandths < 100) {
        return std::to_string(thousandths) + " ms";
    }
    if (thousandths >= 600'000) {
        return whole_and_tenths(thousandths / 6000, " min");
    }
    return whole_and_tenths(thousandths / 100, " s");
}

learned_clock::learned_clock(core::nanoseconds start, catalog::clock_bounds bounds, clock_habits habits)
    : habits_(habits),
      start_(start),
      floor_(std::min<core::nanoseconds>(bounds.floor, start)),
      ceiling_(std::max<core::nanoseconds>(bounds.ceiling, start)),
      limit_(start) {}

void learned_clock::observe(core::nanoseconds took) {
    took = std::max(took, core::nanoseconds{0});
    if (seen_.size() < habits_.kept) {
        seen_.push_back(took);
    } else {
        seen_[next_] = took;
    }
    next_ = (next_ + 1) % habits_.kept;
    if (doubts_ > 0 && ++well_since_ >= habits_.enough) {
        doubts_ = 0;
    }
    std::vector<core::nanoseconds> sorted = seen_;
    const auto high = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() * percent / 100);
    std::nth_element(sorted.begin(), high, sorted.end());
    quantile_ = *high;
    longest_ = *std::max_element(high, sorted.end());
    work_out();
}

void learned_clock::ran_out() {
    doubts_ = std::min(doubts_ + 1, most_doubts);
    well_since_ = 0;
    work_out();
}

void learned_clock::work_out() {
    core::nanoseconds wanted = seen_.size() < habits_.enough ? start_ : learned();
    wanted = std::max(wanted, longest_ * over_longest);
    if (doubts_ > 0) {
        wanted = std::max(wanted, start_);
        for (unsigned i = 1; i < doubts_ && wanted < ceiling_; ++i) {
            wanted *= 2;
        }
    }
    limit_ = std::clamp(wanted, floor_, ceiling_);
}

core::nanoseconds learned_clock::latest() const noexcept {
    return seen_.empty() ? core::nanoseconds{0} : seen_[(next_ + habits_.kept - 1) % habits_.kept];
}

std::string learned_clock::basis() const {
    std::string known = std::to_string(seen_.size()) + " " + habits_.what;
    if (seen_.size() == 1) {
        known.pop_back();  // of the plural
    }
    if (doubts_ > 0) {
        return "widened because it ran out " + std::to_string(doubts_) + (doubts_ == 1 ? " time" : " times") +
               " before";
    }
    if (seen_.empty()) {
        return std::string("the profile's default, for no ") + habits_.what + " are known yet";
    }
    if (seen_.size() < habits_.enough) {
        return limit_ > start_ ? "twice the longest of " + known
                               : "the profile's default, for only " + known + " of " +
                                     std::to_string(habits_.enough) + " are known";
    }
    const std::string share = quantile_ == longest_ ? "the longest " : std::to_string(percent) + " % within ";
    std::string out = "learned from " + known + ", " + share + seconds_text(quantile_) + ", times " +
                      std::to_string(habits_.factor);
    if (longest_ * over_longest > learned()) {
        out += ", and twice the longest";
    }
    return out;
}

std::string learned_clock::stand() const {
    return "stood at " + seconds_text(limit_) + " (" + basis() + "; floor " + seconds_text(floor_) +
           ", ceiling " + seconds_text(ceiling_) + ")";
}

}  // namespace corral::supervisor
