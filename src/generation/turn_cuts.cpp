#include "generation/turn_cuts.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "corral/core/text.hpp"

namespace corral::generation {

namespace {

// What is dropped or stays in one piece: a question, or a call with its results, or an answer.
struct piece {
    std::vector<std::size_t> messages{};
    std::size_t turn = 0;  // 0: before the first question
    bool question = false;
    bool newest = false;
    bool stays = false;
    std::size_t bytes = 0;
    std::size_t end = 0;  // of it, in bytes from the beginning of the conversation
    bool dropped = false;
};
using pieces = std::vector<piece>;

template <typename Visit>
void each_text(chat::message& of, Visit visit) {
    visit(of.content);
    for (chat::tool_call& call : of.calls) {
        for (nlohmann::ordered_json& value : call.arguments) {
            if (value.is_string()) {
                visit(value.get_ref<std::string&>());
            }
        }
    }
}

pieces pieces_of(const std::vector<chat::message>& messages) {
    pieces out;
    const chat::message* const task = task_of(messages);
    std::size_t turn = 0;
    bool answering = false;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const chat::message& one = messages[i];
        if (one.from == chat::role::system) {
            continue;
        }
        const bool result =
            one.from == chat::role::tool || (one.from == chat::role::user && answering && !is_persons(one));
        const bool question = one.from == chat::role::user && !result;
        turn += question ? 1 : 0;
        if (!(result && answering)) {
            out.push_back({{}, turn, question});
        }
        out.back().messages.push_back(i);
        out.back().stays = out.back().stays || &one == task;
        answering = !question;
    }
    if (!out.empty()) {
        const chat::message& last = messages[out.back().messages.back()];
        // An answer that the model shall go on with says nothing without what stands before.
        const std::size_t newest = last.from == chat::role::assistant && last.calls.empty() ? 2 : 1;
        for (std::size_t i = out.size() - std::min(newest, out.size()); i < out.size(); ++i) {
            out[i].newest = out[i].stays = true;
        }
    }
    return out;
}

void measure(pieces& all, const std::vector<chat::message>& messages) {
    std::size_t end = 0;
    for (piece& each : all) {
        each.bytes = 0;
        for (const std::size_t i : each.messages) {
            each.bytes += turn_bytes(messages[i]);
        }
        each.end = end += each.bytes;
    }
}

std::size_t kept_bytes(const pieces& all) {
    std::size_t sum = 0;
    for (const piece& each : all) {
        sum += each.dropped ? 0 : each.bytes;
    }
    return sum;
}

// What ends at or before `until` goes; a question with the last of its answers, and with it what has no question.
void drop(pieces& all, std::size_t until) {
    const bool has_question =
        std::any_of(all.begin(), all.end(), [](const piece& one) { return one.question; });
    std::size_t turn_end = 0;
    for (std::size_t i = all.size(); i-- > 0;) {
        piece& one = all[i];
        turn_end = i + 1 == all.size() || all[i + 1].turn != one.turn ? one.end : turn_end;
        const bool orphan = has_question && one.turn == 0;
        one.dropped = !one.stays && (orphan || (one.question ? turn_end : one.end) <= until);
    }
}

// In steps of about half of the room, counted from the beginning of the conversation.
void drop_oldest(pieces& all, std::size_t room) {
    // What it would cut in two stays; rounded, for the room varies a little from turn to turn.
    const std::size_t step = std::max<std::size_t>(1, rounded_down(room / 16 * 11, 2));
    std::size_t least = 0;
    std::size_t most = all.empty() ? 0 : all.back().end / step + 1;
    while (least < most) {
        const std::size_t middle = least + (most - least) / 2;
        drop(all, middle * step);
        if (kept_bytes(all) <= room) {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    drop(all, least * step);
}

// What a client wrote before a person's words goes before these do.
std::string shortened(const std::string& text, std::size_t most) {
    const std::string_view words = persons_words(text);
    const std::size_t note = words.empty() ? 0 : static_cast<std::size_t>(words.data() - text.data());
    const std::string_view said = std::string_view(text).substr(note);
    if (note == 0) {
        return without_middle(said, most);
    }
    std::string out = text.substr(0, note);
    const std::size_t most_of_note = std::max(least_text_bytes, most - std::min(most, said.size()));
    if (note > most_of_note) {
        out = without_middle(out, most_of_note);
    }
    const std::size_t left = std::max(least_text_bytes, most - std::min(most, out.size()));
    return out + (said.size() > left ? without_middle(said, left) : std::string(said));
}

// The texts of the chosen pieces, as they came, get what has room.
template <typename Chosen>
void fill(const pieces& all, std::vector<chat::message>& messages, const std::vector<chat::message>& whole,
          std::size_t room, Chosen chosen) {
    std::vector<std::pair<std::string*, std::size_t>> texts;
    std::vector<std::size_t> sizes;
    std::size_t bytes = 0;
    for (const piece& each : all) {
        for (const std::size_t i : chosen(each) ? each.messages : std::vector<std::size_t>{}) {
            messages[i] = whole[i];
            bytes += turn_bytes(whole[i]);
            each_text(messages[i], [&](std::string& text) {
                sizes.push_back(text.size());
                texts.emplace_back(&text, text.size());
            });
        }
    }
    for (const std::size_t size : sizes) {
        bytes -= std::min(bytes, size);
    }
    const std::size_t length = std::max(least_text_bytes, common_length(sizes, room - std::min(room, bytes)));
    for (const auto& [text, size] : texts) {
        if (size > length) {
            *text = shortened(*text, length);
        }
    }
}

}  // namespace

bool is_persons(const chat::message& message) {
    const bool wordless = core::trimmed(message.content).empty();
    return message.from == chat::role::user && (wordless || !persons_words(message.content).empty());
}

std::string_view persons_words(std::string_view text) {
    std::string_view rest = core::trimmed(text);
    while (rest.starts_with('<')) {
        const std::size_t end = rest.find_first_of("> \n");
        const std::string name(rest.substr(1, end == std::string_view::npos ? 0 : end - 1));
        const std::string closing = "</" + name + ">";
        const std::size_t close = rest.find(closing);
        // VS Code and Cline put the person's words in one too.
        if ((name == "userRequest" || name == "user_input") && rest.ends_with(closing)) {
            const std::size_t begin = rest.find('>') + 1;
            return core::trimmed(rest.substr(begin, rest.size() - closing.size() - begin));
        }
        if (name.empty() || close == std::string_view::npos) {
            break;
        }
        rest = core::trimmed(rest.substr(close + closing.size()));
        // What is left of one whose text has the same tag.
        if (rest.ends_with(closing) && rest.find("<" + name) == std::string_view::npos) {
            return {};
        }
    }
    return rest;
}

std::size_t turn_bytes(const chat::message& message) {
    constexpr std::size_t image_bytes = 1024;   // as a text that takes as many tokens as a small one
    constexpr std::size_t overhead_bytes = 16;  // the words around a turn
    std::size_t sum = message.content.size() + message.images.size() * image_bytes + overhead_bytes;
    for (const chat::tool_call& call : message.calls) {
        sum += call.name.size() + overhead_bytes +
               call.arguments.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).size();
    }
    return message.from == chat::role::system ? 0 : sum;
}

std::size_t turn_bytes(const std::vector<chat::message>& messages) {
    std::size_t sum = 0;
    for (const chat::message& each : messages) {
        sum += turn_bytes(each);
    }
    return sum;
}

const chat::message* task_of(const std::vector<chat::message>& messages) {
    const auto last = std::find_if(messages.rbegin(), messages.rend(), is_persons);
    const auto any = last != messages.rend()
                         ? last
                         : std::find_if(messages.rbegin(), messages.rend(), [](const chat::message& message) {
                               return message.from == chat::role::user;
                           });
    return any == messages.rend() ? nullptr : &*any;
}

turn_cuts cut_turns(std::vector<chat::message>& messages, std::size_t room) {
    // Of the room, for each text: a long one is shortened before anything newer goes.
    constexpr std::size_t share_of_text = 3;
    constexpr std::size_t share_of_newest = 2;
    turn_cuts out;
    if (turn_bytes(messages) <= room) {
        return out;
    }
    const std::vector<chat::message> whole = messages;
    pieces all = pieces_of(messages);
    for (const piece& each : all) {
        const std::size_t share = room / (each.newest ? share_of_newest : share_of_text);
        const std::size_t most = std::max(least_text_bytes, rounded_down(share, 3));
        for (const std::size_t i : each.messages) {
            each_text(messages[i], [most](std::string& text) {
                if (text.size() > most) {
                    text = shortened(text, most);
                }
            });
        }
    }
    measure(all, messages);
    drop_oldest(all, room);
    std::size_t others = 0;
    for (const piece& each : all) {
        others += each.newest || each.dropped ? 0 : each.bytes;
    }
    const std::size_t left = room - std::min(room, others);
    fill(all, messages, whole, left, [](const piece& one) { return one.newest; });
    measure(all, messages);
    if (kept_bytes(all) > room) {
        fill(all, messages, whole, room, [](const piece& one) { return !one.dropped; });
    }
    std::vector<bool> goes(messages.size(), false);
    for (const piece& each : all) {
        for (const std::size_t i : each.messages) {
            goes[i] = each.dropped;
            const std::size_t before = turn_bytes(whole[i]);
            const std::size_t gone = each.dropped ? 0 : before - std::min(before, turn_bytes(messages[i]));
            out.text_bytes += gone;
            out.newest_bytes += each.stays ? gone : 0;
            out.messages += each.dropped ? 1 : 0;
        }
    }
    std::vector<chat::message> rest;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        if (goes[i]) {
            out.dropped.push_back(i);
        } else {
            rest.push_back(std::move(messages[i]));
        }
    }
    messages = std::move(rest);
    return out;
}

std::size_t rounded_down(std::size_t size, unsigned bits) {
    const unsigned width = static_cast<unsigned>(std::bit_width(size));
    const unsigned shift = width > bits ? width - bits : 0;
    return size >> shift << shift;
}

std::size_t common_length(const std::vector<std::size_t>& sizes, std::size_t room) {
    std::vector<std::size_t> sorted = sizes;
    std::sort(sorted.begin(), sorted.end());
    std::size_t left = sorted.size();
    for (const std::size_t size : sorted) {
        if (size > room / left) {
            return room / left;
        }
        room -= size;
        --left;
    }
    return sorted.empty() ? 0 : sorted.back();
}

std::size_t character_start(std::string_view text, std::size_t at) {
    constexpr unsigned char continuation_mask = 0xC0;
    constexpr unsigned char continuation = 0x80;
    std::size_t out = std::min(at, text.size());
    for (unsigned back = 0; back < 3 && out > 0 && out < text.size(); ++back) {
        if ((static_cast<unsigned char>(text[out]) & continuation_mask) != continuation) {
            break;
        }
        --out;
    }
    return out;
}

std::string without_middle(std::string_view whole, std::size_t most) {
    constexpr std::size_t mark = 64;  // what the mark takes, and more
    const std::size_t kept = std::max(least_text_bytes / 2, most - std::min(most, mark));
    const std::size_t head = character_start(whole, kept / 2);
    const std::size_t tail = character_start(whole, whole.size() - std::min(whole.size(), kept / 2));
    if (tail <= head) {
        return std::string(whole);
    }
    return std::string(whole.substr(0, head)) + "\n[... " + std::to_string(tail - head) +
           " bytes of this text were left out ...]\n" + std::string(whole.substr(tail));
}

}  // namespace corral::generation
