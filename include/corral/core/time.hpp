#pragma once
// Monotonic time as a parameter: decisions never ask the system for it, so tests can make it stand still.

#include <algorithm>
#include <chrono>

namespace corral::core {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using steady_time = std::chrono::steady_clock::time_point;

// `at` plus `span`, never beyond the end of time.
[[nodiscard]] constexpr steady_time later(steady_time at, nanoseconds span) noexcept {
    return span >= steady_time::max() - at ? steady_time::max()
                                           : at + std::chrono::duration_cast<steady_time::duration>(span);
}

[[nodiscard]] constexpr double as_seconds(nanoseconds span) noexcept {
    return std::chrono::duration<double>(span).count();
}

// Source of monotonic time. Must outlive everything that was given a reference to it.
class clock_source {
public:
    virtual ~clock_source() = default;
    [[nodiscard]] virtual steady_time now() const noexcept = 0;
};

class steady_clock_source final : public clock_source {
public:
    [[nodiscard]] steady_time now() const noexcept override { return std::chrono::steady_clock::now(); }
};

// A clock that moves only when told; for tests.
class manual_clock final : public clock_source {
public:
    [[nodiscard]] steady_time now() const noexcept override { return now_; }
    void advance(nanoseconds by) noexcept { now_ += std::chrono::duration_cast<steady_time::duration>(by); }

private:
    steady_time now_{seconds{1000}};
};

// A point in time after which a wait gives up; unreachable by default. Passed down instead of a time-out, so
// that time spent in a queue is taken from the same budget.
class deadline {
public:
    constexpr deadline() = default;
    explicit constexpr deadline(steady_time at) : at_(at) {}
    [[nodiscard]] static deadline after(nanoseconds span, steady_time now) {
        if (span >= steady_time::max() - now) {
            return deadline{};
        }
        return deadline{now + std::chrono::duration_cast<steady_time::duration>(span)};
    }
    [[nodiscard]] bool reachable() const noexcept { return at_ != steady_time::max(); }
    [[nodiscard]] steady_time at() const noexcept { return at_; }
    [[nodiscard]] bool passed(steady_time now) const noexcept { return now >= at_; }
    // Never negative.
    [[nodiscard]] nanoseconds left(steady_time now) const noexcept {
        return now >= at_ ? nanoseconds{0} : std::chrono::duration_cast<nanoseconds>(at_ - now);
    }
    [[nodiscard]] deadline sooner(deadline other) const noexcept { return at_ < other.at_ ? *this : other; }

private:
    steady_time at_ = steady_time::max();
};

}  // namespace corral::core
