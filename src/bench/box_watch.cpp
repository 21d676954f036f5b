#include "corral/bench/box_watch.hpp"

#include <algorithm>
#include <cmath>

namespace corral::bench {

namespace {

// In the order of the figures.
constexpr std::array kinds{figure_kind{"load_percent", "Load", "%", 0},
                           figure_kind{"memory_mb", "Memory", "MB", 0},
                           figure_kind{"temperature_c", "Temperature", "°C", 0},
                           figure_kind{"power_w", "Power", "W", 1},
                           figure_kind{"cpu_cores", "CPU", "cores", 2},
                           figure_kind{"resident_mb", "Resident memory", "MB", 0}};
static_assert(kinds.size() == static_cast<std::size_t>(figure::resident) + 1);

// Results are written so, and a run that was read again is to look like the run.
double rounded(double value) {
    return std::round(value * 100) / 100;
}

constexpr std::size_t most_words = 16;

}  // namespace

const figure_kind& kind_of(figure what) {
    return kinds[static_cast<std::size_t>(what)];
}

void track::add(double at_s, double value) {
    value = rounded(value);
    least_ = looks_ == 0 ? value : std::min(least_, value);
    most_ = looks_ == 0 ? value : std::max(most_, value);
    sum_ += value;
    ++looks_;
    keep(rounded(at_s), value);
}

void track::keep(double at_s, double value) {
    if (++skipped_ < stride_) {
        return;
    }
    skipped_ = 0;
    curve_.emplace_back(at_s, value);
    if (curve_.size() <= most_points) {
        return;
    }
    std::vector<std::pair<double, double>> half;
    for (std::size_t i = 0; i < curve_.size(); i += 2) {
        half.push_back(curve_[i]);
    }
    curve_ = std::move(half);
    stride_ *= 2;
}

track track::restored(std::string of, figure what, std::size_t looks, std::array<double, 3> mean_least_most,
                      std::vector<std::pair<double, double>> curve) {
    track out(std::move(of), what);
    out.looks_ = looks;
    out.sum_ = mean_least_most[0] * static_cast<double>(looks);
    out.least_ = mean_least_most[1];
    out.most_ = mean_least_most[2];
    out.curve_ = std::move(curve);
    return out;
}

void track::take_in(const track& other, double later_s) {
    least_ = looks_ == 0 ? other.least_ : std::min(least_, other.least_);
    most_ = looks_ == 0 ? other.most_ : std::max(most_, other.most_);
    sum_ += other.sum_;
    looks_ += other.looks_;
    for (const auto& [at, value] : other.curve_) {
        keep(rounded(later_s + at), value);
    }
}

void box_watch::add(const std::string& of, figure what, double at_s, double value) {
    if (track* const known = place_of(of, what)) {
        known->add(at_s, value);
    }
}

void box_watch::take_in(const track& other, double later_s) {
    if (track* const known = place_of(other.of(), other.what())) {
        known->take_in(other, later_s);
    }
}

track* box_watch::place_of(const std::string& of, figure what) {
    const auto found =
        std::ranges::find_if(tracks, [&](const track& one) { return one.what() == what && one.of() == of; });
    if (found != tracks.end()) {
        return &*found;
    }
    if (tracks.size() >= most_tracks) {
        return nullptr;
    }
    const auto place = std::ranges::upper_bound(tracks, what, {}, &track::what);
    return &*tracks.insert(place, track(of, what));
}

void box_watch::add_health(const std::string& word) {
    if (health.size() < most_words && std::ranges::find(health, word) == health.end()) {
        health.push_back(word);
    }
}

const track* box_watch::busiest(figure what) const {
    const track* out = nullptr;
    for (const track& one : tracks) {
        if (one.what() == what && (out == nullptr || one.mean() > out->mean())) {
            out = &one;
        }
    }
    return out;
}

}  // namespace corral::bench
