#pragma once
// One card and one model for a day. Real: queue_policy, ahead_policy, beginning_policy, cache_ledger, render, fit_prompt
// with its cuts, moving_lines. Played: the runtime and its tokenizer, clients, and the thin code between those parts, each piece of which
// names what it stands in for.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "day/prompts.hpp"
#include "day/traffic.hpp"
#include "engine/dialects/ax_poll/ahead_policy.hpp"
#include "engine/dialects/ax_poll/cache_ledger.hpp"
#include "generation/moving_lines.hpp"
#include "scheduler/queue_policy.hpp"
#include "year/timeline.hpp"

namespace corral::day {

enum class ahead_rule { off, policy, always };

struct rules {
    bool as_written = true;  // history
    ahead_rule ahead = ahead_rule::policy;
    bool steps = true;    // overflow: about half of the room is cleared; else the oldest turns go, one by one
    bool moving = true;   // moving_lines = "last"
    bool classes = true;  // batch and interactive
};

struct figures {
    std::vector<double> first;     // seconds to the first word of each first turn of a person
    std::vector<double> later;     // of each later one
    std::vector<double> for_jobs;  // seconds until a job, or a task beside a chat, left the card to a person
    double busy = 0;               // seconds of the card
    double busy_ahead = 0;         // of these
    double longest_start_of_job = 0;  // seconds until the first piece of one, before which none gives way
    engine::ax_poll::ahead_figures ahead;
};
figures& operator+=(figures& all, const figures& one);
// Of the nearest rank; 0 of none.
[[nodiscard]] double percentile(std::vector<double> of, double share);

[[nodiscard]] figures live(kind what, std::uint64_t seed, const rules& by);

// As generation_run::expect_next.
inline constexpr const char* expected_words = "Xqzvjkw wkjvzqx";
inline constexpr core::milliseconds chunk_time{580};

inline core::nanoseconds reading_of(std::size_t tokens) {
    return chunk_time * static_cast<std::int64_t>((tokens + sizes.chunk - 1) / sizes.chunk);
}

class box {
public:
    box(const traffic& day, const rules& by, std::uint64_t seed);
    box(const box&) = delete;
    box& operator=(const box&) = delete;
    [[nodiscard]] figures live();

private:
    struct request {
        chat::generation_request asked;
        std::optional<generation::settled_lines> lines;
        chat::rendered_prompt prompt;
        token_ids ids;
        std::string answer;  // what is left of it
        core::steady_time arrived;
        bool person = true;
        bool later = false;
        bool aside = false;
        unsigned parts = 0;
        std::function<void()> done;
    };
    struct running_request {
        scheduler::ticket_id ticket;
        core::steady_time since;
        core::steady_time first_piece;  // of its text; nothing before it begins
        bool reads = true;
        std::uint64_t number = 0;
    };

    void go_on(const talk& with, std::size_t at, std::vector<chat::message> history);
    void ask_beside(const talk& with, std::size_t at);
    void ask(request what);
    void ask_echo(const std::string& words);
    void take(const std::vector<scheduler::decision>& decisions);
    void begin(scheduler::ticket_id ticket);
    void send();
    void give_way_at_next_piece();
    void end(bool gave_way, std::size_t made);
    void note_ended(const request& what);
    void expect_next(const request& what);
    void arm_ahead();
    void compute_ahead();
    [[nodiscard]] token_ids beginning_of_next() const;
    [[nodiscard]] bool is_job(const request& what) const;
    [[nodiscard]] core::nanoseconds of_day() const { return time_.now() - midnight_; }

    const traffic& day_;
    rules by_;
    year::timeline time_;
    core::steady_time midnight_;
    year::dice dice_;
    prompt_maker prompts_;
    generation::moving_lines lines_{{1, 2}};
    scheduler::queue_policy queue_{512};
    engine::ax_poll::ahead_policy ahead_;
    engine::ax_poll::cache_ledger cache_;
    std::string spoken_;  // text of what the cache holds
    std::map<std::uint64_t, request> requests_;
    std::optional<running_request> running_;
    std::uint64_t number_ = 0;
    core::steady_time ahead_end_{};
    // As ax_poll_backend's `next_`.
    struct {
        chat::rendered_prompt of_conversation;
        std::string owner;
        token_ids last, shared;
        core::steady_time came{}, answered{}, ended{};
        bool goes_on = false, same_owner = false, tried = false;
    } next_;
    figures out_;
};

}  // namespace corral::day
