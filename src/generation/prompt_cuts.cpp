#include "generation/prompt_cuts.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <functional>
#include <tuple>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/generation/summary_request.hpp"
#include "generation/turn_cuts.hpp"

namespace corral::generation {

namespace {

struct part {
    std::size_t wants = 0;
    std::size_t weight = 1;
};

// Of `room`, by weight; who wants less leaves the rest to the others.
template <std::size_t Count>
std::array<std::size_t, Count> shares(const std::array<part, Count>& parts, std::size_t room) {
    std::array<std::size_t, Count> out{};
    std::array<bool, Count> served{};
    for (bool again = true; again;) {
        again = false;
        std::size_t weights = 0;
        for (std::size_t i = 0; i < Count; ++i) {
            weights += served[i] ? 0 : parts[i].weight;
        }
        const std::size_t left = room;
        for (std::size_t i = 0; i < Count; ++i) {
            if (served[i]) {
                continue;
            }
            out[i] = left / weights * parts[i].weight;
            if (parts[i].wants <= out[i]) {
                out[i] = parts[i].wants;
                served[i] = again = true;
                room -= out[i];
            }
        }
    }
    return out;
}

std::size_t system_bytes(const std::vector<chat::message>& messages) {
    std::size_t sum = 0;
    for (const chat::message& each : messages) {
        sum += each.from == chat::role::system ? each.content.size() : 0;
    }
    return sum;
}

void cut_system(std::vector<chat::message>& messages, std::size_t room) {
    std::vector<std::size_t> sizes;
    for (const chat::message& each : messages) {
        sizes.push_back(each.from == chat::role::system ? each.content.size() : 0);
    }
    const std::size_t most = std::max(least_text_bytes, common_length(sizes, room));
    for (chat::message& each : messages) {
        if (each.from == chat::role::system && each.content.size() > most) {
            each.content = without_middle(each.content, most);
        }
    }
}

// The newest message of an agent that has its conversation summed up, and drops it for what it gets: its place, or the
// end where it is none.
std::size_t summary_question(const std::vector<chat::message>& messages) {
    // Of Codex and of Claude Code.
    constexpr std::array<std::string_view, 2> words{"performing a CONTEXT CHECKPOINT COMPACTION",
                                                    "Your task is to create a detailed summary of "};
    std::size_t at = messages.size();
    while (at > 0 && messages[at - 1].from == chat::role::system) {
        --at;
    }
    const bool asks = at > 0 && messages[at - 1].from == chat::role::user &&
                      std::ranges::any_of(words, [&](std::string_view each) {
                          return messages[at - 1].content.find(each) != std::string::npos;
                      });
    const auto first = std::ranges::find_if(
        messages, [](const chat::message& message) { return message.from != chat::role::system; });
    const bool has_turns = asks && first - messages.begin() < static_cast<std::ptrdiff_t>(at - 1);
    return has_turns ? at - 1 : messages.size();
}

// A call that follows another one for the same task: the results of more will come.
bool is_tool_loop(const std::vector<chat::message>& messages) {
    const chat::message* const task = task_of(messages);
    std::size_t calls = 0;
    for (auto each = messages.rbegin(); each != messages.rend() && &*each != task; ++each) {
        calls += each->calls.empty() ? 0 : 1;
    }
    return calls > 1;
}

// `kept`, or the nearest to it that is not far from `budget`.
std::size_t near(std::size_t kept, std::size_t budget) {
    constexpr std::size_t parts = 4;
    const std::size_t least = budget - budget / parts;
    const std::size_t most = budget + budget / (parts - 1);
    return kept == 0 ? budget : std::clamp(kept, least, most);
}

std::string counted(std::size_t count, const char* one, const char* more) {
    return std::to_string(count) + (count == 1 ? one : more);
}

}  // namespace

std::string to_text(const prompt_cuts& cuts) {
    std::vector<std::string> parts;
    const auto add = [&](const char* name, std::size_t count) {
        if (count > 0) {
            parts.push_back(name + ("=" + std::to_string(count)));
        }
    };
    add("messages", cuts.messages);
    add("summarised", cuts.summarised);
    add("tools", cuts.tools);
    add("descriptions", cuts.descriptions);
    add("text-bytes", cuts.text_bytes);
    return core::joined(parts);
}

std::string note_for_people(const prompt_cuts& cuts, bool has_tools) {
    if (cuts.newest_bytes == 0 && (has_tools || !cuts.a_tenth)) {
        return {};
    }
    std::vector<std::string> parts;
    const auto add = [&](std::size_t count, const char* one, const char* more) {
        if (count > 0) {
            parts.push_back(counted(count, one, more));
        }
    };
    add(cuts.newest_bytes, " byte of the newest messages", " bytes of the newest messages");
    add(cuts.messages, " earlier message", " earlier messages");
    add(cuts.text_bytes - cuts.newest_bytes, " byte of other texts", " bytes of other texts");
    return cuts.summarised > 0 ? core::say("request.not-all-read/summary", core::joined(parts))
                               : core::say("request.not-all-read/cut", core::joined(parts));
}

void shortened_requests::note(entry next) {
    constexpr std::size_t most = 32;
    const auto known = std::find_if(known_.begin(), known_.end(), [&](const entry& one) {
        return one.client == next.client && one.model == next.model && (one.moved > 0) == (next.moved > 0);
    });
    if (known != known_.end()) {
        next.count += known->count;
        known_.erase(known);
    } else if (known_.size() >= most) {
        known_.pop_front();
    }
    known_.push_back(std::move(next));
}

std::vector<std::string> shortened_requests::warnings(core::steady_time now) const {
    constexpr std::chrono::hours kept{1};
    std::vector<std::string> out;
    for (const entry& each : known_) {
        if (now - each.at > kept) {
            continue;
        }
        if (each.moved > 0) {
            out.push_back("Lines that change were moved before the newest question in requests of " +
                          each.client + " to model " + each.model + " (" + std::to_string(each.count) +
                          ", the last by moved-lines=" + std::to_string(each.moved) +
                          "), as moving_lines of its manifest says.");
        } else {
            out.push_back(
                core::say("request.shortened", each.client, each.model, each.count, to_text(each.last)));
        }
    }
    return out;
}

kept_budgets::entry kept_budgets::entry_for(const chat::generation_request& of) {
    entry out;
    out.owner = of.owner;
    out.client = of.client;
    out.model = of.model;
    out.tools = of.tools.is_array() ? of.tools.size() : 0;
    const auto first = std::ranges::find_if(
        of.messages, [](const chat::message& each) { return each.from != chat::role::system; });
    out.first_turn = first == of.messages.end() ? 0 : std::hash<std::string>{}(first->content);
    return out;
}

bool kept_budgets::are_alike(const entry& one, const entry& other) {
    return std::tie(one.owner, one.client, one.model, one.tools, one.first_turn) ==
           std::tie(other.owner, other.client, other.model, other.tools, other.first_turn);
}

std::size_t kept_budgets::find(const chat::generation_request& of) const {
    const entry asked = entry_for(of);
    const auto known =
        std::ranges::find_if(known_, [&asked](const entry& one) { return are_alike(one, asked); });
    return known == known_.end() ? 0 : known->budget;
}

void kept_budgets::note(const chat::generation_request& of, std::size_t budget) {
    constexpr std::size_t most = 64;
    entry next = entry_for(of);
    next.budget = budget;
    const auto known =
        std::ranges::find_if(known_, [&next](const entry& one) { return are_alike(one, next); });
    if (known != known_.end()) {
        known_.erase(known);
    } else if (known_.size() >= most) {
        known_.pop_front();
    }
    known_.push_back(std::move(next));
}

bool prompt_cutter::fit(std::size_t budget) {
    const std::size_t before = bytes();
    cut(budget);
    while (bytes() >= before && budget > 0) {
        constexpr std::size_t part = 8;
        budget -= budget / part + 1;
        cut(budget);
    }
    return bytes() < before;
}

bool prompt_cutter::refit(std::size_t budget) {
    const std::size_t before = bytes();
    cut(budget);
    return bytes() != before;
}

void prompt_cutter::cut(std::size_t budget) {
    budget_ = budget;
    beginning_budget_ = near(kept_, budget);
    cuts_ = {};
    if (rest_.raw_prompt) {
        const std::size_t most = std::max(least_text_bytes, budget);
        const std::string& whole = *whole_.raw_prompt;
        rest_.raw_prompt = whole.size() > most ? without_middle(whole, most) : whole;
        cuts_.text_bytes = whole.size() - std::min(whole.size(), rest_.raw_prompt->size());
    } else if (rest_.hole) {
        cut_hole(budget);
    } else if (const std::size_t question = summary_question(whole_.messages);
               question < whole_.messages.size()) {
        cut_transcript(budget, question);
    } else {
        cut_conversation(budget);
    }
}

// All that is to be summed up goes into one text, each message with as much as has room: the oldest turns would go
// else, and with them what is known only before the summary.
void prompt_cutter::cut_transcript(std::size_t budget, std::size_t question) {
    constexpr std::size_t share_of_question = 3;
    const auto within = [](const std::string& text, std::size_t most) {
        return text.size() > most ? without_middle(text, most) : text;
    };
    const chat::message& asked = whole_.messages[question];
    const std::string words = within(asked.content, std::max(least_text_bytes, budget / share_of_question));
    const std::size_t room = std::max(least_text_bytes, budget - std::min(budget, words.size()));
    std::vector<std::string> said;
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < question; ++i) {
        said.emplace_back();
        write_down(whole_.messages[i], said.back());
        sizes.push_back(said.back().size());
    }
    const std::size_t most = std::max(least_text_bytes, common_length(sizes, room));
    std::string transcript;
    for (const std::string& each : said) {
        transcript += within(each, most);
    }
    rest_.tools = nullptr;
    rest_.messages = {asked};
    rest_.messages.front().content =
        "The conversation:\n\n" + within(transcript, room) + "\nEnd of the conversation.\n\n" + words;
    const std::size_t before = turn_bytes(whole_.messages) + system_bytes(whole_.messages);
    cuts_.tools = whole_.tools.is_array() ? whole_.tools.size() : 0;
    cuts_.text_bytes = before - std::min(before, turn_bytes(rest_.messages));
    dropped_.clear();
    summary_room_ = 0;
}

// The ends far from the hole go.
void prompt_cutter::cut_hole(std::size_t budget) {
    const std::string& prefix = whole_.hole->prefix;
    const std::string& suffix = whole_.hole->suffix;
    const auto [before, behind] =
        shares<2>({{{prefix.size(), 1}, {suffix.size(), 1}}}, std::max(least_text_bytes, budget));
    rest_.hole->prefix = prefix.substr(character_start(prefix, prefix.size() - before));
    rest_.hole->suffix = suffix.substr(0, character_start(suffix, behind));
    cuts_.text_bytes = prefix.size() + suffix.size() - rest_.hole->prefix.size() - rest_.hole->suffix.size();
}

// The turns of a conversation that goes on claim more than they take, in powers of two, and in a loop of calls all of
// their share: what the others get then stays the same for some turns, and the runtime goes on behind what it holds.
void prompt_cutter::cut_conversation(std::size_t budget) {
    rest_.messages = whole_.messages;
    rest_.tools = whole_.tools;
    const std::size_t system = system_bytes(whole_.messages);
    const std::size_t turns = turn_bytes(whole_.messages);
    const auto not_system = [](const chat::message& message) { return message.from != chat::role::system; };
    const bool goes_on = std::count_if(whole_.messages.begin(), whole_.messages.end(), not_system) > 1;
    std::size_t claim = goes_on ? std::bit_ceil(turns) : turns;
    if (is_tool_loop(whole_.messages)) {
        claim = std::max(claim, beginning_budget_);
    }
    std::array<part, 3> parts{{{system, 1}, {tool_bytes(whole_.tools), 1}, {claim, 2}}};
    const tool_cuts tools =
        cut_tools(rest_.tools, whole_.messages, shares(parts, beginning_budget_)[1], whole_.must_call);
    parts[1].wants = tool_bytes(rest_.tools);
    auto room = shares(parts, beginning_budget_);
    cut_system(rest_.messages, room[0]);
    if (beginning_budget_ != budget) {
        room[2] = budget - std::min(budget, system_bytes(rest_.messages) + tool_bytes(rest_.tools));
    }
    const std::size_t of_system = system - std::min(system, system_bytes(rest_.messages));
    // Kept free before there is a summary too, so that its coming leaves the cut where it is.
    constexpr std::size_t share_of_summary = 4;
    summary_room_ = summaries_ != nullptr && turns > room[2] ? room[2] / share_of_summary : 0;
    turn_cuts of_turns = cut_turns(rest_.messages, room[2] - summary_room_);
    if (summary_room_ > 0 && of_turns.dropped.empty()) {
        std::vector<chat::message> again = whole_.messages;
        cut_system(again, room[0]);
        of_turns = cut_turns(again, room[2]);
        rest_.messages = std::move(again);
        summary_room_ = 0;
    }
    dropped_ = std::move(of_turns.dropped);
    const std::size_t left = turn_bytes(rest_.messages);
    constexpr std::size_t tenth = 10;
    cuts_.messages = of_turns.messages;
    cuts_.tools = tools.tools;
    cuts_.descriptions = tools.descriptions;
    cuts_.text_bytes = of_system + of_turns.text_bytes;
    cuts_.newest_bytes = of_turns.newest_bytes;
    cuts_.a_tenth = of_system * tenth > system || (turns - std::min(turns, left)) * tenth > turns;
}

left_out_turns prompt_cutter::left_out() const {
    std::vector<const chat::message*> turns;
    for (const std::size_t i : dropped_) {
        turns.push_back(&whole_.messages[i]);
    }
    return summary_room_ > 0 ? summaries_->describe(turns, summary_room_) : left_out_turns{};
}

void prompt_cutter::stand_in(const std::string& summary) {
    if (put_before(rest_.messages, summary)) {
        cuts_.summarised = cuts_.messages;
    }
}

std::size_t prompt_cutter::bytes() const {
    if (rest_.raw_prompt) {
        return rest_.raw_prompt->size();
    }
    if (rest_.hole) {
        return rest_.hole->prefix.size() + rest_.hole->suffix.size();
    }
    return turn_bytes(rest_.messages) + system_bytes(rest_.messages) + tool_bytes(rest_.tools);
}

}  // namespace corral::generation
