#include "corral/core/text.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/utf8.hpp"

namespace corral::core {

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower_case(c); });
    return out;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return lower_case(a) == lower_case(b); });
}

std::string_view trimmed(std::string_view text, std::string_view blanks) noexcept {
    return trimmed_back(trimmed_front(text, blanks), blanks);
}

std::string_view trimmed_front(std::string_view text, std::string_view blanks) noexcept {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text;
}

std::string_view trimmed_back(std::string_view text, std::string_view blanks) noexcept {
    const std::size_t last = text.find_last_not_of(blanks);
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (auto cut = text.find(separator); cut != std::string_view::npos; cut = text.find(separator)) {
        parts.push_back(text.substr(0, cut));
        text.remove_prefix(cut + 1);
    }
    parts.push_back(text);
    return parts;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
    std::string out;
    for (const auto& part : parts) {
        if (&part != parts.data()) {
            out += between;
        }
        out += part;
    }
    return out;
}

std::string shell_word(std::string_view word) {
    const bool plain = !word.empty() && std::ranges::all_of(word, [](char letter) {
        return is_digit(letter) || is_letter(letter) ||
               std::string_view("_./:=@%+,-").find(letter) != std::string_view::npos;
    });
    if (plain) {
        return std::string(word);
    }
    std::string out = "'";
    for (const char letter : word) {
        out += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    }
    out += '\'';
    return out;
}

std::optional<std::string> word_to_paste(std::string_view word, std::size_t most) {
    if (word.size() > most) {
        return std::nullopt;
    }
    for (std::string_view rest = word; !rest.empty();) {
        const utf8_step step = next_utf8(rest);
        if (step.kind != utf8_kind::whole || !is_printable(step.point)) {
            return std::nullopt;
        }
        rest.remove_prefix(step.length);
    }
    std::string out = shell_word(word);
    return out.size() > most ? std::nullopt : std::optional(std::move(out));
}

std::size_t find_unquoted(std::string_view command, std::string_view what, std::size_t from) {
    for (std::size_t at = from; at < command.size(); ++at) {
        if (command.substr(at).starts_with(what)) {
            return at;
        }
        if (command[at] == '\\') {
            ++at;
        } else if (command[at] == '\'') {
            at = std::min(command.find('\'', at + 1), command.size());
        }
    }
    return std::string_view::npos;
}

}  // namespace corral::core
