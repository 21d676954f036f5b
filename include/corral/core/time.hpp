#pragma once
// Monotonic time as a parameter: decisions never ask the system for it, so tests can make it stand still.

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

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

// UTC as text, for logs, files and interfaces. Decisions use steady time: the wall clock jumps.
using wall_time = std::chrono::system_clock::time_point;

// `when` by a form of strftime(3), at most 63 characters; whole seconds, rounded down.
[[nodiscard]] std::string utc_text(wall_time when, const char* form = "%Y-%m-%dT%H:%M:%SZ");

// As "2026-03-01T12:00:00.042Z".
[[nodiscard]] std::string utc_milliseconds(wall_time when);

// Of "2026-05-04T17:37:44.706015396-07:00", rounded down to its second.
[[nodiscard]] std::optional<wall_time> stamp_of(const std::string& text);

// How late waits of the loop came back, added up. A box whose processor is taken makes everybody slow, so
// whoever judges others by the clock gives them as much time more as it lost itself.
class lateness {
public:
    // A wait that should have ended at `wanted` ended at `got`. What scheduling always costs does not count.
    void woke(steady_time wanted, steady_time got) noexcept {
        if (got - wanted >= usual) {
            total_ += std::chrono::duration_cast<nanoseconds>(got - wanted);
        }
    }
    // Only grows.
    [[nodiscard]] nanoseconds total() const noexcept { return total_; }

private:
    static constexpr milliseconds usual{50};
    nanoseconds total_{0};
};

// Where the time of a request went; zero while unknown.
struct stage_times {
    nanoseconds queue{0};    // arrival to lease
    nanoseconds reset{0};    // lease to confirmed reset
    nanoseconds prefill{0};  // generate accepted to first text
    nanoseconds decode{0};   // first text to end
    nanoseconds total{0};    // arrival to end
    // Parts of these, absent where they can't be known.
    std::optional<nanoseconds> tokenise;    // of prefill: texts into token ids
    std::optional<nanoseconds> detokenise;  // of decode: token ids into texts, all together
    std::optional<nanoseconds> delivery;    // of total: pieces that waited for the client to take them
};

}  // namespace corral::core
