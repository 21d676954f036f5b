#pragma once
// What the last requests looked like, for whoever asks what the runtime was doing when it died: sizes, counts
// and times, never a word of what was asked or answered, nor who asked. Bounded.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "corral/core/time.hpp"

namespace corral::telemetry {

// The last distances between pieces of text, oldest first.
class gap_ring {
public:
    static constexpr std::size_t most = 32;
    void add(core::nanoseconds gap) noexcept {
        gaps_[added_ % most] = gap;
        ++added_;
    }
    [[nodiscard]] std::vector<core::nanoseconds> all() const;

private:
    std::array<core::nanoseconds, most> gaps_{};
    std::size_t added_ = 0;
};

struct run_record : core::stage_times {  // where it has got to
    std::string id;                      // as in the log
    std::string model;                   // resolved
    std::string deployment;              // the model whose processes run it
    std::string served_by;  // the set of processes that ran it last, where its model has several tiers
    std::string processes;  // the set of processes that runs it, or did last, always
    std::chrono::system_clock::time_point arrived{};

    // The shape of the request. Absent sampling: as the model has it.
    std::size_t prompt_bytes = 0;  // of what the model reads
    std::size_t messages = 0;      // turns that the client sent
    std::size_t tools = 0;         // whether and how many
    bool wants_format = false;
    bool verbatim = false;
    std::optional<double> temperature;
    std::optional<double> top_p;
    std::optional<std::int64_t> top_k;
    std::optional<double> repeat_penalty;
    std::optional<std::uint32_t> max_tokens;
    std::size_t stops = 0;

    std::uint32_t prompt_tokens = 0;
    std::uint32_t cached_tokens = 0;  // of these, those that the runtime held computed
    std::string start;                // "continued", or why it computed all; empty: unknown
    std::uint32_t generated_tokens = 0;
    bool exact = false;  // the token counts are no estimates
    unsigned tries = 0;
    std::uint64_t pieces = 0;
    core::nanoseconds longest_gap{0};  // between two pieces
    gap_ring gaps;
    std::optional<core::nanoseconds> silent_for;  // of one that still runs: since its last piece
    std::string outcome;                          // cause id as in the log; empty: it still runs
    std::string why;  // of one that failed, as in the log, not for its client; may be empty
};

// On the loop's thread.
class run_journal {
public:
    explicit run_journal(std::size_t most = 64) : most_(most) {}
    run_journal(const run_journal&) = delete;
    run_journal& operator=(const run_journal&) = delete;

    // A request that has its turn. It is among the running ones until it is finished, or destroyed.
    class entry {
    public:
        explicit entry(run_record begun) : now_(std::move(begun)) {}
        [[nodiscard]] run_record& record() noexcept { return now_; }
        [[nodiscard]] const run_record& record() const noexcept { return now_; }
        // A piece of text came.
        void note_piece(core::steady_time at);
        // The request runs anew; the next piece has no predecessor.
        void note_try() noexcept { last_piece_ = {}; }
        [[nodiscard]] core::steady_time last_piece() const noexcept { return last_piece_; }

    private:
        run_record now_;
        core::steady_time last_piece_{};
    };
    [[nodiscard]] std::shared_ptr<entry> begin(run_record begun);
    // Called at each begin(), once it is among the running ones; must not throw and not call back.
    void on_begin(std::function<void()> heard) { heard_ = std::move(heard); }
    // Called at each finish() with what became of it; must not throw and not call back.
    void on_finish(std::function<void(const run_record&)> heard) { heard_end_ = std::move(heard); }
    // Moves it to the finished ones; the oldest of them is forgotten.
    void finish(const std::shared_ptr<entry>& what);

    // Running now, in the order in which they began; `silent_for` filled in.
    [[nodiscard]] std::vector<run_record> running(core::steady_time now) const;
    // Oldest first.
    [[nodiscard]] const std::deque<run_record>& finished() const noexcept { return finished_; }

private:
    std::size_t most_;
    std::function<void()> heard_;
    std::function<void(const run_record&)> heard_end_;
    std::vector<std::weak_ptr<entry>> running_;  // at most as many as have leases, but for the dead
    std::deque<run_record> finished_;
};

}  // namespace corral::telemetry
