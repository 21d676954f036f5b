#pragma once
// An entry of the tables of what the product says (core/messages), and the form of its wordings.

#include <cstddef>
#include <string>
#include <string_view>

namespace corral::core {

enum class message_reader { client, operators };

// Its text is a wording, or several of them, a line each: "unreachable| {url} can't be reached: {why}". What stands
// before the bar is the key of a wording among others: "runtime.remote/unreachable" names this one.
//
//   {url}, {count:d}    a place for a text, for a number; {{ and }} are plain braces
//   {it} or {that}      at the beginning: the words are a predicate ("it ended by itself") or a clause ("its test
//                       failed"), where they stand behind "because"
//   {>it |that |else }  at the end: how it goes on to what led to it, a predicate, a clause or anything else; {>: } for all
//
// A way in which requests fail has a name for logs and metrics behind its key, and several wordings may share it:
// "busy=runtime-stuck| ...". With a "~" in place of the "=" its words may be those of a prompt, and stay out of the log.
struct message {
    // The compiler's own measure of a literal: char_traits has it count the tables letter by letter, in each unit.
    constexpr message(const char* known_by, message_reader whose, const char* wordings, const char* meaning,
                      const char* way_out)
        : id(known_by, __builtin_strlen(known_by)),
          reader(whose),
          text(wordings, __builtin_strlen(wordings)),
          means(meaning, __builtin_strlen(meaning)),
          fix(way_out, __builtin_strlen(way_out)) {}

    std::string_view id;  // stable: "request.queue-full"; the part before the dot is what it is about
    message_reader reader;
    std::string_view text;
    std::string_view means;  // what happened, and what Corral does
    std::string_view fix;    // what you can do
};

struct wording {
    const message* of = nullptr;
    std::string_view text{};     // without its key
    std::string_view key{};      // "": the one that has none
    std::string_view outcome{};  // "runtime-stuck"; "": a failure of that wording is called by its kind
    bool quotes = false;         // it may hold words of a prompt
};

[[nodiscard]] constexpr bool is_key_letter(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-';
}

// The wording in the line at the beginning of `rest`, which is left with those behind it.
[[nodiscard]] constexpr wording next_wording(std::string_view& rest, const message* of = nullptr) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(rest.size() == line.size() ? line.size() : line.size() + 1);
    std::size_t end = 0;
    const auto word = [&line, &end] {
        const std::size_t begin = end;
        while (end < line.size() && is_key_letter(line[end])) {
            ++end;
        }
        return line.substr(begin, end - begin);
    };
    wording out{of, {}, word(), {}, end < line.size() && line[end] == '~'};
    if (out.quotes || (end < line.size() && line[end] == '=')) {
        ++end;
        out.outcome = word();
    }
    if (end == 0 || !line.substr(end).starts_with("| ")) {
        return {of, line, {}, {}, false};
    }
    out.text = line.substr(end + 2);
    return out;
}

// Calls `fixed(text)` and `place(name)` for what `text` is made of, in order; a name has its braces still: "{count:d}".
template <typename Fixed, typename Place>
constexpr void walk_wording(std::string_view text, const Fixed& fixed, const Place& place) {
    while (!text.empty()) {
        const std::size_t brace = text.find_first_of("{}");
        if (brace == std::string_view::npos) {
            return fixed(text);
        }
        if (text.substr(brace).starts_with("{{") || text.substr(brace).starts_with("}}")) {
            fixed(text.substr(0, brace + 1));
            text.remove_prefix(brace + 2);
            continue;
        }
        if (brace > 0) {
            fixed(text.substr(0, brace));
        }
        const std::size_t end = text.find('}', brace);
        place(text.substr(brace, end + 1 - brace));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

// What a place of walk_wording() stands for.
[[nodiscard]] constexpr bool is_subject(std::string_view place) {
    return place == "{it}" || place == "{that}";
}
[[nodiscard]] constexpr bool is_joint(std::string_view place) {
    return place.starts_with("{>");
}
[[nodiscard]] constexpr bool is_value(std::string_view place) {
    return !is_subject(place) && !is_joint(place);
}

// As people read it: "…" for each value, with nothing of what led to it.
[[nodiscard]] std::string shown_wording(std::string_view text);

}  // namespace corral::core
