#pragma once
// What a request that is too long for its model goes without, and in which order
// (docs/long_prompts.md#what-goes-first). Pure.

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/core/time.hpp"
#include "corral/generation/answer_reader.hpp"

namespace corral::generation {

// The clients whose requests were shortened of late, for people who wonder about an answer.
class shortened_requests {
public:
    void add(const std::string& client, const std::string& model, const prompt_cuts& cuts,
             core::steady_time now);
    // A sentence for each client and model of the last hour, newest last; at most 32.
    [[nodiscard]] std::vector<std::string> warnings(core::steady_time now) const;

private:
    struct entry {
        std::string client;
        std::string model;
        prompt_cuts last;
        std::size_t count = 0;
        core::steady_time at;
    };
    std::deque<entry> known_;  // by time, oldest first
};

class prompt_cutter {
public:
    // REQUIRES: `whole` outlives the cutter.
    explicit prompt_cutter(const chat::generation_request& whole);

    // Leaves out about `bytes` more, by the steps of the page above. `room`: the bytes that a fitting prompt may
    // have. False when nothing more can go.
    [[nodiscard]] bool cut(std::size_t bytes, std::size_t room);

    // What remains, by the measure of cut().
    [[nodiscard]] std::size_t bytes() const;
    // What remains: messages, tools, raw_prompt and hole; the rest is a copy of the whole request.
    [[nodiscard]] const chat::generation_request& rest() const noexcept { return rest_; }
    [[nodiscard]] const prompt_cuts& cuts() const noexcept { return cuts_; }

private:
    struct tool_standing {
        std::size_t bytes = 0;
        bool called = false;  // by a message of the conversation
        bool named = false;   // by its newest turn
    };
    // A text that lost its middle is cut again from its whole, so that it carries one mark.
    struct cut_text {
        std::string* text = nullptr;  // of rest_
        std::string whole;
    };

    // Each returns the bytes that went.
    std::size_t leave_out_turns(std::size_t bytes);
    std::size_t leave_out_tools(std::size_t bytes);
    std::size_t shorten_descriptions(bool keep_first_sentence);
    std::size_t cut_longest_text(std::size_t bytes);
    // Turns come back, newest first, up to about `bytes`; the bytes that came.
    std::size_t put_back_turns(std::size_t bytes);
    void look_at_tools();
    [[nodiscard]] bool conversation() const noexcept { return !rest_.raw_prompt && !rest_.hole; }
    [[nodiscard]] bool tools_can_go() const noexcept;

    const chat::generation_request& whole_;
    chat::generation_request rest_;
    prompt_cuts cuts_;
    std::vector<tool_standing> tools_;  // of rest_.tools, in their order
    std::vector<cut_text> texts_;
    unsigned description_steps_ = 0;
    bool turns_came_back_ = false;
};

}  // namespace corral::generation
