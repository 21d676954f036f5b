#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "corral/catalog/message.hpp"

namespace corral::catalog {

namespace {

constexpr std::string_view left_open = "…";
constexpr std::size_t shortest_piece = 12;

// The parts of a text that don't differ, without the blanks and points around them.
std::vector<std::string_view> fixed_parts(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(left_open), text.size());
        std::string_view part = text.substr(0, end);
        text.remove_prefix(std::min(end + left_open.size(), text.size()));
        constexpr std::string_view around = " .:;,'";
        const std::size_t begin = part.find_first_not_of(around);
        if (begin != std::string_view::npos) {
            part.remove_prefix(begin);
            out.push_back(part.substr(0, part.find_last_not_of(around) + 1));
        }
    }
    return out;
}

bool holds_in_order(std::string_view sentence, const std::vector<std::string_view>& parts) {
    for (const std::string_view part : parts) {
        const std::size_t at = sentence.find(part);
        if (at == std::string_view::npos) {
            return false;
        }
        sentence.remove_prefix(at + part.size());
    }
    return true;
}

// Whether `sentence` is `wording` from its first to its last character, with something in place of each "…".
bool is_whole(std::string_view sentence, std::string_view wording) {
    std::size_t open = wording.find(left_open);
    if (open == std::string_view::npos) {
        return sentence == wording;
    }
    if (!sentence.starts_with(wording.substr(0, open))) {
        return false;
    }
    sentence.remove_prefix(open);
    for (;;) {
        wording.remove_prefix(open + left_open.size());
        open = wording.find(left_open);
        if (open == std::string_view::npos) {
            return sentence.size() > wording.size() && sentence.ends_with(wording);
        }
        const std::size_t at = sentence.find(wording.substr(0, open), 1);
        if (at == std::string_view::npos) {
            return false;
        }
        sentence.remove_prefix(at + open);
    }
}

// One wording, ready for the search.
struct pattern {
    const message* of = nullptr;
    std::string_view wording;
    std::vector<std::string_view> parts;
    std::size_t length = 0;
};

using tables = std::array<std::span<const message>, 11>;

tables all_tables() {
    return {request_messages(),   form_messages(),    model_messages(),         service_messages(),
            state_messages(),     runtime_messages(), configuration_messages(), command_messages(),
            operation_messages(), pull_messages(),    fleet_messages()};
}

// The longest first, so that the first that fits says most.
const std::vector<pattern>& patterns() {
    static const std::vector<pattern> all = [] {
        std::vector<pattern> out;
        for (const auto table : all_tables()) {
            for (const message& one : table) {
                for (const std::string_view wording : wordings_of(one.text)) {
                    pattern made{&one, wording, fixed_parts(wording), 0};
                    for (const std::string_view part : made.parts) {
                        made.length += part.size();
                    }
                    if (made.length > 0) {
                        out.push_back(std::move(made));
                    }
                }
            }
        }
        std::ranges::stable_sort(out, std::ranges::greater(), [](const pattern& each) {
            return std::pair(each.length, each.wording.size());
        });
        return out;
    }();
    return all;
}

// Of wordings with equally many fixed letters, that which is the whole sentence. Short ones would be found in any sentence.
const message* find_by_words(std::string_view sentence) {
    const pattern* found = nullptr;
    for (const pattern& each : patterns()) {
        if (each.length < shortest_piece || (found != nullptr && each.length < found->length)) {
            break;
        }
        if (is_whole(sentence, each.wording)) {
            return each.of;
        }
        if (found == nullptr && holds_in_order(sentence, each.parts)) {
            found = &each;
        }
    }
    return found == nullptr ? nullptr : found->of;
}

// Short wordings too: a person who asks for a sentence takes it from Corral.
std::optional<message> find_whole(std::string_view sentence) {
    const auto found = std::ranges::find_if(
        patterns(), [&](const pattern& each) { return is_whole(sentence, each.wording); });
    return found == patterns().end() ? std::nullopt : std::optional(*found->of);
}

// People remember a piece of a sentence. One that stands in several messages says nothing.
std::optional<message> find_by_piece(const std::vector<message>& all, std::string_view piece) {
    std::optional<message> out;
    for (const message& one : all) {
        if (piece.size() < shortest_piece || one.text.find(piece) == std::string_view::npos) {
            continue;
        }
        if (out) {
            return std::nullopt;
        }
        out = one;
    }
    return out;
}

// What stands before a cause, as Corral itself says it.
constexpr std::array<std::string_view, 7> cause_joints{
    "loading again after: ",       "failed too often, the last time: ", "ended by itself: ",
    "does not answer any more: ",  "printed what may mean: ",           "its first test failed: ",
    "while loading it had said: ",
};
constexpr std::array<std::string_view, 4> cause_breaks{
    "; the device: ", "; before, it printed what may mean: ", " Before, it printed what may mean: ",
    "; while loading it had said: "};

void add_cause(std::vector<std::string>& to, std::string_view text) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin != std::string_view::npos) {
        to.emplace_back(text.substr(begin));
    }
}

// "killed by SIGSEGV: The runtime crashed." and "exit status 3: ...": how it ended, and what that means.
std::size_t end_of_ending(std::string_view text) {
    const bool ending = text.starts_with("killed by ") || text.starts_with("exit status ");
    return ending ? text.find(": ") : std::string_view::npos;
}

// What Corral does about a cause, and how that leads to it in a sentence.
struct lead {
    std::string_view cause;
    std::string_view with_verb;     // "... it ended by itself"
    std::string_view with_subject;  // "... its first test failed"
    std::string_view with_rest;     // "...: not ready within 60 s"
};

constexpr std::array<lead, 2> leads{
    lead{"loading again after", "loading again, because it ", "loading again, because ",
         "loading again after this: "},
    lead{"failed too often, the last time", "failed too often, the last time it ",
         "failed too often, the last time ", "failed too often, the last time by this: "},
};
constexpr std::array<std::string_view, 5> verbs{"ended ", "does not ", "printed ", "was ", "is "};
constexpr std::array<std::string_view, 3> subjects{"it ", "its ", "the "};

std::string led_to(std::string_view what, const std::string& cause) {
    const lead& by = *std::ranges::find(leads, what, &lead::cause);
    const auto begins = [&](std::string_view with) { return cause.starts_with(with); };
    const std::string_view joint = std::ranges::any_of(verbs, begins)      ? by.with_verb
                                   : std::ranges::any_of(subjects, begins) ? by.with_subject
                                                                           : by.with_rest;
    return std::string(joint) + cause;
}

void take_apart(std::vector<std::string>& to, std::string_view text) {
    // What keeps a start waiting stands before what led to the start.
    constexpr std::string_view then = "; then ";
    if (const std::size_t at = text.find("; then loading again after: "); at != std::string_view::npos) {
        take_apart(to, text.substr(0, at));
        return take_apart(to, text.substr(at + then.size()));
    }
    for (const std::string_view joint : cause_joints) {
        if (text.starts_with(joint)) {
            add_cause(to, joint.substr(0, joint.size() - 2));
            return take_apart(to, text.substr(joint.size()));
        }
    }
    std::size_t first = std::string_view::npos;
    for (const std::string_view each : cause_breaks) {
        first = std::min(first, text.find(each));
    }
    if (first != std::string_view::npos) {
        take_apart(to, text.substr(0, first));
        return add_cause(to, text.substr(first + (text[first] == ';' ? 2 : 1)));
    }
    if (const std::size_t end = end_of_ending(text); end != std::string_view::npos) {
        add_cause(to, text.substr(0, end));
        return add_cause(to, text.substr(end + 2));
    }
    add_cause(to, text);
}

}  // namespace

std::vector<std::string_view> wordings_of(std::string_view rest) {
    std::vector<std::string_view> out;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        out.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
}

std::vector<message> all_messages() {
    std::vector<message> out;
    for (const auto table : all_tables()) {
        out.insert(out.end(), table.begin(), table.end());
    }
    return out;
}

std::optional<message> find_message(std::string_view asked) {
    const std::vector<message> all = all_messages();
    const auto by_id = std::ranges::find(all, asked, &message::id);
    if (by_id != all.end()) {
        return *by_id;
    }
    const message* const found = find_by_words(asked);
    if (found != nullptr) {
        return *found;
    }
    const std::optional<message> by_piece = find_by_piece(all, asked);
    return by_piece ? by_piece : find_whole(asked);
}

std::string_view message_id(std::string_view sentence) {
    const message* const found = find_by_words(sentence);
    return found == nullptr ? std::string_view() : found->id;
}

std::vector<std::string_view> message_ids(std::string_view reason) {
    std::vector<std::string_view> out;
    for (const std::string& cause : causes_of(reason)) {
        const std::string_view id = message_id(cause);
        if (!id.empty() && std::ranges::find(out, id) == out.end()) {
            out.push_back(id);
        }
    }
    return out;
}

std::vector<std::string> causes_of(std::string_view reason) {
    std::vector<std::string> out;
    take_apart(out, reason);
    return out;
}

std::string reason_line(std::string_view reason) {
    std::string out;
    const std::vector<std::string> causes = causes_of(reason);
    for (std::size_t i = 0; i < causes.size(); ++i) {
        std::string cause = causes[i];
        if (i + 1 < causes.size() && std::ranges::find(leads, cause, &lead::cause) != leads.end()) {
            out += (out.empty() ? "" : ", then ") + led_to(cause, causes[++i]);
            continue;
        }
        const bool after_sentence = out.ends_with('.');
        const bool lacks_its_object = out.ends_with("may mean");
        if (after_sentence && cause.front() >= 'a' && cause.front() <= 'z') {
            cause.front() = static_cast<char>(cause.front() - 'a' + 'A');
        }
        const bool sentence = cause.front() >= 'A' && cause.front() <= 'Z';
        const char* const joint = out.empty()        ? ""
                                  : lacks_its_object ? ": "
                                  : after_sentence   ? " "
                                  : sentence         ? ". "
                                                     : ", ";
        out += joint + cause;
    }
    return out;
}

}  // namespace corral::catalog
