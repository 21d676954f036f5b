#include "generation/turn_summaries.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"
#include "corral/generation/summary_request.hpp"
#include "generation/turn_cuts.hpp"

namespace corral::generation {

namespace {

std::string json_text(const nlohmann::ordered_json& tree) {
    return tree.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void feed_message(core::keyed_hash& into, const chat::message& message) {
    into.feed_part(std::to_string(static_cast<int>(message.from)));
    into.feed_part(message.content);
    into.feed_part(message.tool_name);
    into.feed_part(std::to_string(message.images.size()));
    for (const auto& image : message.images) {
        into.feed_part(std::to_string(image->mark));
    }
    into.feed_part(std::to_string(message.calls.size()));
    for (const chat::tool_call& call : message.calls) {
        into.feed_part(call.name);
        into.feed_part(json_text(call.arguments));
    }
}

// The newest first, each whole or without its middle, in the order in which they came.
std::string words_of(const std::vector<const chat::message*>& turns, std::size_t room) {
    constexpr std::size_t share_of_text = 2;
    std::vector<std::string> kept;
    std::size_t left = room;
    for (auto one = turns.rbegin(); one != turns.rend(); ++one) {
        const std::string_view text = persons_words((*one)->content);
        if (!is_persons(**one) || text.empty()) {
            continue;
        }
        const std::size_t most = std::max(least_text_bytes, room / share_of_text);
        std::string line =
            "- " + (text.size() > most ? without_middle(text, most) : std::string(text)) + "\n";
        if (line.size() > left) {
            break;
        }
        left -= line.size();
        kept.push_back(std::move(line));
    }
    std::reverse(kept.begin(), kept.end());
    return core::joined(kept, "");
}

std::string stand_in_of(const left_out_turns& turns, std::string_view summary) {
    std::string out =
        fmt::format("[{} earlier messages of this conversation had no room.", turns.marks.size());
    if (!turns.said.empty()) {
        out += " Of them, the user's own words:\n" + turns.said;
    }
    return out.append(turns.said.empty() ? " " : "")
        .append("A summary of them:\n")
        .append(summary)
        .append("\nEnd of the summary.]\n\n");
}

}  // namespace

bool is_summary(const chat::message& message) {
    return message.from == chat::role::system && message.content.starts_with(summary_heading);
}

void write_down(const chat::message& message, std::string& to) {
    if (is_summary(message)) {
        to.append(message.content).append("\n\n");
    } else if (message.from == chat::role::tool) {
        to.append("Result of ").append(message.tool_name).append(": ").append(message.content).append("\n\n");
    } else if (message.from != chat::role::system && !message.content.empty()) {
        to.append(message.from == chat::role::user ? "User: " : "Assistant: ")
            .append(message.content)
            .append("\n\n");
    }
    for (const chat::tool_call& call : message.calls) {
        to.append("Assistant calls ").append(call.name).append(json_text(call.arguments)).append("\n\n");
    }
}

void ask_for_summary(chat::generation_request& request, std::string_view transcript, std::uint32_t window) {
    constexpr std::uint32_t usual_window = 8192;
    window = window == 0 ? usual_window : window;
    const std::size_t most = std::size_t{window} * 2;  // bytes: of most texts half of the window or more
    chat::message system;
    system.from = chat::role::system;
    system.content =
        "You sum up a conversation for an assistant who has to go on with it and has not seen it.";
    chat::message user;
    user.content = "The conversation:\n\n";
    if (transcript.size() <= most) {
        user.content += transcript;
    } else {
        const std::string_view front = core::cut_between_characters(transcript, most / 3);
        // A byte that goes on with a character begins none.
        std::size_t back = transcript.size() - (most - front.size());
        while (back < transcript.size() && (static_cast<unsigned char>(transcript[back]) & 0xC0U) == 0x80U) {
            ++back;
        }
        user.content.append(front).append("\n[...]\n").append(transcript.substr(back));
    }
    user.content += fmt::format(
        "Sum it up in at most {} words: the goal, what was decided and must be kept to, what was done and "
        "found (names "
        "of files, commands, figures), what failed, and what comes next. Write nothing but the summary.",
        window / 6);
    request.messages = {std::move(system), std::move(user)};
    request.limits = {};
    request.limits.num_predict = window / 4;
    request.thinking = chat::thinking_mode::off;
}

left_out_turns turn_summaries::describe(const std::vector<const chat::message*>& turns,
                                        std::size_t room) const {
    constexpr std::size_t most_of_text = 2048;
    left_out_turns out;
    core::keyed_hash hash(key_);
    for (const chat::message* const each : turns) {
        feed_message(hash, *each);
        out.marks.push_back(hash.result());
        std::string text;
        write_down(*each, text);
        out.texts.push_back(text.size() > most_of_text ? without_middle(text, most_of_text)
                                                       : std::move(text));
        out.bytes += turn_bytes(*each);
    }
    out.room = room;
    out.said = words_of(turns, room / 2);
    return out;
}

summary_wish wish_of(const chat::generation_request& request, left_out_turns turns) {
    summary_wish out;
    out.share = turn_summaries::share_of(request);
    out.of = std::move(turns);
    out.asking.id = request.id + "-summary";
    out.asking.client = request.client;
    out.asking.owner = request.owner;
    out.asking.model_typed = request.model_typed;
    out.asking.model = request.model;
    out.asking.idle_work = true;
    return out;
}

std::string turn_summaries::share_of(const chat::generation_request& request) {
    return request.owner + '\n' + request.client + '\n' + request.model;
}

const turn_summaries::entry* turn_summaries::look_up(const std::string& share, std::uint64_t mark) const {
    const auto found = std::find_if(known_.begin(), known_.end(),
                                    [&](const entry& one) { return one.mark == mark && one.share == share; });
    return found == known_.end() ? nullptr : &*found;
}

const std::string* turn_summaries::find(const std::string& share, const left_out_turns& turns) {
    const auto found = std::find_if(known_.begin(), known_.end(), [&](const entry& one) {
        return !turns.marks.empty() && one.mark == turns.marks.back() && one.share == share;
    });
    if (found == known_.end() || found->stand_in.empty()) {
        return nullptr;
    }
    std::rotate(found, found + 1, known_.end());
    return &known_.back().stand_in;
}

void turn_summaries::want(summary_wish wish) {
    if (wish.of.marks.empty() || look_up(wish.share, wish.of.marks.back()) != nullptr) {
        return;
    }
    std::erase_if(wishes_, [&](const summary_wish& one) { return one.share == wish.share; });
    if (wishes_.size() >= bounds_.most_wishes) {
        wishes_.pop_front();
    }
    wishes_.push_back(std::move(wish));
}

summary_wish turn_summaries::take() {
    summary_wish out = std::move(wishes_.front());
    wishes_.pop_front();
    return out;
}

std::string turn_summaries::transcript_of(const summary_wish& wish) const {
    std::string out;
    std::size_t from = wish.of.marks.size();
    for (; from > 0; --from) {
        const entry* const known = look_up(wish.share, wish.of.marks[from - 1]);
        if (known != nullptr && !known->summary.empty()) {
            out.append(summary_heading).append(known->summary).append("\n\n");
            break;
        }
    }
    for (; from < wish.of.texts.size(); ++from) {
        out += wish.of.texts[from];
    }
    return out;
}

void turn_summaries::put_back(summary_wish wish) {
    if (std::ranges::none_of(wishes_, [&](const summary_wish& one) { return one.share == wish.share; })) {
        want(std::move(wish));
    }
}

void turn_summaries::answer(summary_wish wish, const std::optional<std::string>& text) {
    if (!text && ++wish.tries < bounds_.most_tries) {
        return put_back(std::move(wish));
    }
    entry made{wish.share, wish.of.marks.back(), {}, {}};
    const std::size_t around = stand_in_of(wish.of, "").size();
    const std::size_t room = wish.of.room - std::min(wish.of.room, around);
    made.summary = usable_summary(text.value_or(""), room, wish.of.bytes - std::min(wish.of.bytes, around));
    if (!made.summary.empty()) {
        made.stand_in = stand_in_of(wish.of, made.summary);
    }
    keep(std::move(made));
}

// The share that holds the most gives way.
void turn_summaries::keep(entry made) {
    const auto held_by = [this](const std::string& share) {
        return static_cast<std::size_t>(std::count_if(known_.begin(), known_.end(),
                                                      [&](const entry& one) { return one.share == share; }));
    };
    std::string gives = made.share;
    std::size_t holds = held_by(gives);
    if (holds < bounds_.most_of_one && known_.size() >= bounds_.most) {
        for (const entry& each : known_) {
            if (const std::size_t other = held_by(each.share); other > holds) {
                gives = each.share;
                holds = other;
            }
        }
    }
    if (holds > 0 && (holds >= bounds_.most_of_one || known_.size() >= bounds_.most)) {
        known_.erase(
            std::find_if(known_.begin(), known_.end(), [&](const entry& one) { return one.share == gives; }));
    } else if (known_.size() >= bounds_.most) {
        known_.pop_front();
    }
    known_.push_back(std::move(made));
}

std::string usable_summary(std::string_view answer, std::size_t room, std::size_t replaced) {
    constexpr std::string_view thought = "</think>";
    constexpr std::size_t least = 8;
    if (const std::size_t end = answer.rfind(thought); end != std::string_view::npos) {
        answer.remove_prefix(end + thought.size());
    }
    answer = core::trimmed(answer.substr(0, answer.find("<think>")));
    const bool calls = answer.find("<tool_call") != std::string_view::npos || answer.starts_with('{');
    if (calls || answer.size() < least || room < least) {
        return {};
    }
    if (answer.size() > room) {
        answer = core::cut_between_characters(answer, room);
    }
    return answer.size() < replaced ? std::string(answer) : std::string();
}

bool put_before(std::vector<chat::message>& messages, const std::string& stand_in) {
    const auto first = std::find_if(messages.begin(), messages.end(), [](const chat::message& message) {
        return message.from != chat::role::system;
    });
    if (first == messages.end() || first->from != chat::role::user) {
        return false;
    }
    first->content.insert(0, stand_in);
    return true;
}

}  // namespace corral::generation
