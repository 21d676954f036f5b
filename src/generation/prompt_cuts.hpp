#pragma once
// What a request that is too long for its model goes without
// (docs/long_prompts.md#shares). Pure.

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/chat/generation_request.hpp"
#include "corral/core/time.hpp"
#include "corral/generation/answer_reader.hpp"
#include "generation/turn_summaries.hpp"

namespace corral::generation {

// Which tools of a request that is too long stay, and how much of their definitions (docs/long_prompts.md#tools). Pure.
struct tool_cuts {
    std::size_t tools = 0;
    std::size_t descriptions = 0;  // tools with shortened descriptions
};

[[nodiscard]] std::size_t tool_bytes(const nlohmann::ordered_json& tools);

// Leaves tools of `room` bytes at most: all of them where their signatures have room, else those that fit the
// conversation best. Null where none is left. One of those that are `demanded` stays in any case, and where there is
// only one the others go before it is shortened: no call of them can be the answer.
[[nodiscard]] tool_cuts cut_tools(nlohmann::ordered_json& tools,
                                  const std::vector<chat::message>& conversation, std::size_t room,
                                  const std::vector<std::string>& demanded = {});

// The clients whose requests were shortened or rearranged of late, for people who wonder about an answer.
class shortened_requests {
public:
    void add(const std::string& client, const std::string& model, const prompt_cuts& cuts,
             core::steady_time now) {
        note({client, model, cuts, 0, 1, now});
    }
    // `lines` of the system prompt were put before the newest question.
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

// By which budget the beginnings of conversations, their system prompts and tools, were cut last. That of the whole
// follows from all that was said and varies from turn to turn; with it the same tools would come and go, and each time
// the runtime would read all anew. In memory only.
class kept_budgets {
public:
    // 0: none is known.
    [[nodiscard]] std::size_t find(const chat::generation_request& of) const;
    void note(const chat::generation_request& of, std::size_t budget);

private:
    struct entry {
        std::string owner;
        std::string client;
        std::string model;
        std::size_t tools = 0;
        std::size_t first_turn = 0;  // a hash
        std::size_t budget = 0;
    };
    [[nodiscard]] static entry entry_for(const chat::generation_request& of);
    [[nodiscard]] static bool are_alike(const entry& one, const entry& other);

    std::deque<entry> known_;  // by time, oldest first
};

// A request within a budget. Each part has a share of it and leaves to the others what it does not need.
class prompt_cutter {
public:
    // REQUIRES: `whole` outlives the cutter.
    // With `summaries` there is room for one of the turns that go. `kept`: the budget that system prompt and tools were cut
    // by in the turn before, which stays while it is near the present one; 0: none is known.
    explicit prompt_cutter(const chat::generation_request& whole, const turn_summaries* summaries = nullptr,
                           std::size_t kept = 0)
        : whole_(whole), rest_(whole), summaries_(summaries), kept_(kept) {}

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
    // By which its system prompt and tools were cut.
    [[nodiscard]] std::size_t beginning_budget() const noexcept { return beginning_budget_; }
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
    std::size_t kept_;
    prompt_cuts cuts_;
    std::vector<std::size_t> dropped_;
    std::size_t summary_room_ = 0;
    std::size_t budget_ = 0;
    std::size_t beginning_budget_ = 0;
};

}  // namespace corral::generation
