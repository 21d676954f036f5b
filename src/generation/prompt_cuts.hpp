#pragma once
// What a request that is too long for its model goes without
// (docs/long_prompts.md#shares). Pure.

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/core/time.hpp"
#include "corral/generation/answer_reader.hpp"
#include "generation/turn_summaries.hpp"

namespace corral::generation {

// The clients whose requests were shortened or rearranged of late, for people who wonder about an answer.
class shortened_requests {
public:
    void add(const std::string& client, const std::string& model, const prompt_cuts& cuts,
             core::steady_time now) {
        note({client, model, cuts, 0, 1, now});
    }
    // `lines` of the system text were put before the newest question.
    void add_moved(const std::string& client, const std::string& model, std::size_t lines,
                   core::steady_time now) {
        note({client, model, {}, lines, 1, now});
    }
    // A sentence for each client, model and kind of the last hour, newest last; at most 32.
    [[nodiscard]] std::vector<std::string> warnings(core::steady_time now) const;

private:
    struct entry {
        std::string client;
        std::string model;
        prompt_cuts last;
        std::size_t moved = 0;  // lines; 0: the request was shortened
        std::size_t count = 0;
        core::steady_time at;
    };
    void note(entry next);

    std::deque<entry> known_;  // by time, oldest first
};

// A request within a budget. Each part has a share of it and leaves to the others what it does not need.
class prompt_cutter {
public:
    // REQUIRES: `whole` outlives the cutter.
    // With `summaries` there is room for one of the turns that go.
    explicit prompt_cutter(const chat::generation_request& whole, const turn_summaries* summaries = nullptr)
        : whole_(whole), rest_(whole), summaries_(summaries) {}

    // Leaves out what has no room in about `budget` bytes, or in fewer where that takes nothing away from what was left
    // before. False when nothing more can go.
    [[nodiscard]] bool fit(std::size_t budget);
    // The same from the whole, also where that leaves more. False when it changes nothing.
    [[nodiscard]] bool refit(std::size_t budget);
    // As little as can be left.
    void fit_least() { cut(0); }

    // The turns that went, where a summary has room; and it is put there, until the next cut.
    [[nodiscard]] left_out_turns left_out() const;
    void stand_in(const std::string& summary);

    // What remains, by the measure of fit(), and the budget that it was cut to.
    [[nodiscard]] std::size_t bytes() const;
    [[nodiscard]] std::size_t budget() const noexcept { return budget_; }
    // What remains: messages, tools, raw_prompt and hole; the rest is a copy of the whole request.
    [[nodiscard]] const chat::generation_request& rest() const noexcept { return rest_; }
    [[nodiscard]] const prompt_cuts& cuts() const noexcept { return cuts_; }

private:
    void cut(std::size_t budget);
    void cut_hole(std::size_t budget);
    void cut_conversation(std::size_t budget);
    void cut_transcript(std::size_t budget, std::size_t question);

    const chat::generation_request& whole_;
    chat::generation_request rest_;
    const turn_summaries* summaries_;
    prompt_cuts cuts_;
    std::vector<std::size_t> dropped_;
    std::size_t summary_room_ = 0;
    std::size_t budget_ = 0;
};

}  // namespace corral::generation
