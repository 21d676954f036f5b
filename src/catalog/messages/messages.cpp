#include <algorithm>
#include <functional>
#include <utility>

#include "corral/catalog/message.hpp"

namespace corral::catalog {

namespace {

constexpr std::string_view left_open = "…";
constexpr std::size_t shortest_piece = 12;

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

// A wording as a sentence may look, ready for the search.
struct pattern {
    const message* of = nullptr;
    std::string text;
    std::size_t length = 0;  // of what is fixed in it
};

void add_pattern(std::vector<pattern>& to, const message& of, std::string text) {
    std::size_t length = text.size();
    for (std::size_t at = 0; (at = text.find(left_open, at)) != std::string::npos; at += left_open.size()) {
        length -= left_open.size();
    }
    if (length > 0) {
        to.push_back({&of, std::move(text), length});
    }
}

// Its words alone, and before what led to them.
void add_patterns(std::vector<pattern>& to, const message& of, std::string_view wording) {
    const std::string shown = core::shown_wording(wording);
    add_pattern(to, of, shown);
    if (!shown.ends_with(left_open)) {
        for (const char* const joint : {", …", ". …", "; …", " (…"}) {
            add_pattern(to, of, shown + joint);
        }
        add_pattern(to, of, shown.ends_with('.') ? shown + " …" : shown);
        // A finding is told more exactly before its full stop: "'a' is cut off: it has 3 GB (variable 'b' in c)."
        const std::string open = shown.substr(0, shown.size() - (shown.ends_with('.') ? 1 : 0));
        for (const char* const more : {": ….", "; ….", " (…."}) {
            add_pattern(to, of, open == shown ? std::string() : open + more);
        }
    }
    const std::size_t joints = wording.find("{>");
    std::string_view rest = joints == std::string_view::npos
                                ? std::string_view()
                                : wording.substr(joints + 2, wording.size() - joints - 3);
    while (!rest.empty()) {
        const std::string_view joint = rest.substr(0, rest.find('|'));
        add_pattern(to, of, shown + std::string(joint) + std::string(left_open));
        rest.remove_prefix(std::min(joint.size() + 1, rest.size()));
    }
}

// Those with most fixed letters first, so that the first that fits says most.
const std::vector<pattern>& patterns() {
    static const std::vector<pattern> all = [] {
        std::vector<pattern> out;
        for (const core::message_group& group : core::message_groups) {
            for (const message& one : group.messages) {
                for (const std::string_view wording : wordings_of(one.text)) {
                    add_patterns(out, one, wording);
                }
            }
        }
        std::ranges::stable_sort(out, std::ranges::greater(), &pattern::length);
        return out;
    }();
    return all;
}

const pattern* find_sentence(std::string_view sentence) {
    const auto found =
        std::ranges::find_if(patterns(), [&](const pattern& each) { return is_whole(sentence, each.text); });
    return found == patterns().end() ? nullptr : &*found;
}

// People remember a piece of a sentence. One that stands in several messages says nothing.
std::optional<message> find_by_piece(std::string_view piece) {
    std::optional<message> out;
    if (piece.size() < shortest_piece) {
        return out;
    }
    for (const pattern& each : patterns()) {
        if (each.text.find(piece) == std::string::npos || (out && out->id == each.of->id)) {
            continue;
        }
        if (out) {
            return std::nullopt;
        }
        out = *each.of;
    }
    return out;
}

}  // namespace

std::vector<std::string_view> wordings_of(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const std::string_view one = core::next_wording(text).text;
        if (one != "{what}") {  // in the words of another
            out.push_back(one);
        }
    }
    return out;
}

std::vector<message> all_messages() {
    std::vector<message> out;
    for (const core::message_group& group : core::message_groups) {
        out.insert(out.end(), group.messages.begin(), group.messages.end());
    }
    return out;
}

std::optional<message> find_message(std::string_view asked) {
    for (const message& one : all_messages()) {
        if (one.id == asked) {
            return one;
        }
    }
    // A sentence is often pasted with what stands before it: "error: ...", "qwen3:4b/runtime: broken: ...".
    const pattern* found = nullptr;
    for (std::string_view rest = asked; !rest.empty();) {
        const pattern* const here = find_sentence(rest);
        found = here != nullptr && (found == nullptr || here->length > found->length) ? here : found;
        const std::size_t next = rest.find(": ");
        rest.remove_prefix(next == std::string_view::npos ? rest.size() : next + 2);
    }
    return found != nullptr ? std::optional(*found->of) : find_by_piece(asked);
}

}  // namespace corral::catalog
