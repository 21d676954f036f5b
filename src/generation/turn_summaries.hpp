#pragma once
// Summaries of the turns that were left out of a conversation (docs/long_prompts.md#summaries), and which are to be
// made. In memory only, each for its own key or client. Decides only; the service asks the model.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/core/keyed_hash.hpp"

namespace corral::generation {

// What a request went without.
struct left_out_turns {
    std::vector<std::uint64_t> marks;  // of the turns up to each message, itself included
    std::vector<std::string> texts;    // a transcript, by message
    std::string said;                  // the person's own words, as far as they have room
    std::size_t bytes = 0;
    std::size_t room = 0;  // for what stands in
};

// A summary to be made.
struct summary_wish {
    std::string share;                // whose it is
    chat::generation_request asking;  // who asks, and for which model; no texts
    left_out_turns of;
    unsigned tries = 0;
};

[[nodiscard]] summary_wish wish_of(const chat::generation_request& request, left_out_turns turns);

struct summary_bounds {
    std::size_t most = 64;
    std::size_t most_of_one = 8;
    std::size_t most_wishes = 16;  // one a share
    unsigned most_tries = 3;
};

class turn_summaries {
public:
    explicit turn_summaries(const core::keyed_hash::key& key, summary_bounds bounds = {})
        : key_(key), bounds_(bounds) {}

    // May be called on any thread.
    [[nodiscard]] left_out_turns describe(const std::vector<const chat::message*>& turns,
                                          std::size_t room) const;

    [[nodiscard]] static std::string share_of(const chat::generation_request& request);
    // What stands in for exactly these turns; nullptr: nothing is known.
    [[nodiscard]] const std::string* find(const std::string& share, const left_out_turns& turns);

    // No effect where there is one, or where it was tried often enough.
    void want(summary_wish wish);
    [[nodiscard]] bool wanted() const noexcept { return !wishes_.empty(); }
    // REQUIRES: wanted().
    [[nodiscard]] summary_wish take();
    // What the model shall read: the last summary of the first of these turns, and the turns since.
    [[nodiscard]] std::string transcript_of(const summary_wish& wish) const;
    // It could not be asked to the end, through no fault of its own; a newer one of the same share stands for it.
    void put_back(summary_wish wish);
    // The model's answer to it; nothing: there was none, and it may be tried again.
    void answer(summary_wish wish, const std::optional<std::string>& text);

    [[nodiscard]] std::size_t size() const noexcept { return known_.size(); }

private:
    struct entry {
        std::string share;
        std::uint64_t mark = 0;
        std::string summary;
        std::string stand_in;  // empty: none can be had
    };
    void keep(entry made);
    [[nodiscard]] const entry* look_up(const std::string& share, std::uint64_t mark) const;

    core::keyed_hash::key key_;
    summary_bounds bounds_;
    std::deque<entry> known_;  // the last used last
    std::deque<summary_wish> wishes_;
};

// What of a model's answer can stand for turns of `replaced` bytes, in `room` bytes; empty: nothing.
[[nodiscard]] std::string usable_summary(std::string_view answer, std::size_t room, std::size_t replaced);

// Puts it before the first message of the person, who is the first to speak. False: there is no place for it.
[[nodiscard]] bool put_before(std::vector<chat::message>& messages, const std::string& stand_in);

}  // namespace corral::generation
