#include "chat/json/json_search.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

bool may_stand_outside_strings(char c) {
    return core::is_digit(c) || core::is_letter(c) ||
           std::string_view(" \t\r\n:+-._").find(c) != std::string_view::npos;
}

constexpr std::size_t most_places = 32;
constexpr unsigned most_failures = 16;
constexpr std::string_view fence = "```";

json_place trimmed_place(std::string_view text, std::size_t from, std::size_t end) {
    const std::string_view part = core::trimmed_back(text.substr(0, end));
    const std::size_t first = std::min(part.find_first_not_of(core::white_space, from), part.size());
    return {first, part.size() - first};
}

// The text between a line that begins with ``` and the next ```, or the end.
void add_fences(std::string_view text, std::vector<json_place>& to) {
    std::size_t at = text.find(fence);
    while (at != std::string_view::npos && to.size() < most_places) {
        const std::size_t line_end = text.find('\n', at);
        if (line_end == std::string_view::npos) {
            return;
        }
        const std::size_t end = std::min(text.find(fence, line_end), text.size());
        to.push_back(trimmed_place(text, line_end, end));
        at = end == text.size() ? std::string_view::npos : text.find(fence, end + fence.size());
    }
}

void add_balanced(std::string_view text, std::vector<json_place>& to) {
    std::size_t at = text.find_first_of("{[");
    for (unsigned failed = 0; at != std::string_view::npos && to.size() < most_places;) {
        const std::size_t length = json_length(text.substr(at));
        if (length > 0) {
            to.push_back({at, length});
        } else if (++failed > most_failures) {
            return;
        }
        // What looks balanced and is not JSON may still hold some: "[see {"a":1}]".
        const bool is_json = length > 0 && nlohmann::json::accept(text.substr(at, length));
        at = text.find_first_of("{[", is_json ? at + length : at + 1);
    }
}

}  // namespace

json_progress::verdict json_progress::feed(char next) {
    if (string_) {
        return in_string(next);
    }
    switch (next) {
        case '{':
        case '[':
            return open(next);
        case '}':
        case ']':
            return close(next == '}' ? '{' : '[');
        default:
            return between(next);
    }
}

json_progress::verdict json_progress::in_string(char next) {
    if (escaped_) {
        escaped_ = false;
    } else if (next == '\\') {
        escaped_ = true;
    } else if (next == '"') {
        string_ = false;
    } else if (static_cast<unsigned char>(next) < 0x20) {
        return verdict::broken;
    }
    return verdict::open;
}

json_progress::verdict json_progress::open(char bracket) {
    if (levels_.size() >= max_json_depth) {
        return verdict::broken;
    }
    levels_.push_back(level{bracket});
    return verdict::open;
}

json_progress::verdict json_progress::close(char bracket) {
    if (levels_.empty() || levels_.back().bracket != bracket) {
        return verdict::broken;
    }
    levels_.pop_back();
    return levels_.empty() ? verdict::complete : verdict::open;
}

json_progress::verdict json_progress::between(char next) {
    if (levels_.empty()) {
        return verdict::broken;
    }
    if (next == '"') {
        string_ = true;
        return verdict::open;
    }
    if (next == ',') {
        level& inner = levels_.back();
        const bool too_wide = inner.bracket == '{' && ++inner.commas >= max_json_members;
        return too_wide ? verdict::broken : verdict::open;
    }
    return may_stand_outside_strings(next) ? verdict::open : verdict::broken;
}

std::size_t json_length(std::string_view text) {
    json_progress progress;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto now = progress.feed(text[at]);
        if (now != json_progress::verdict::open) {
            return now == json_progress::verdict::complete ? at + 1 : 0;
        }
    }
    return 0;
}

std::optional<nlohmann::ordered_json> read_bounded_json(std::string_view text) {
    text = core::trimmed(text);
    if (text.empty() || json_length(text) != text.size()) {
        return std::nullopt;
    }
    auto tree = nlohmann::ordered_json::parse(text, nullptr, false);
    if (tree.is_discarded()) {
        return std::nullopt;
    }
    return std::make_optional(std::move(tree));
}

std::vector<json_place> json_places(std::string_view text) {
    std::vector<json_place> out;
    out.push_back(trimmed_place(text, 0, text.size()));
    add_fences(text, out);
    add_balanced(text, out);
    return out;
}

bool json_watch::look(std::string_view text) {
    while (at_ < text.size() && tried_ < most_places) {
        if (!open_) {
            at_ = std::min(text.find_first_of("{[", at_), text.size());
            if (at_ == text.size()) {
                return false;
            }
            from_ = at_;
            open_.emplace();
        }
        const json_progress::verdict now = open_->feed(text[at_++]);
        if (now == json_progress::verdict::open) {
            continue;
        }
        open_.reset();
        ++tried_;
        if (now == json_progress::verdict::complete) {
            return true;
        }
        at_ = from_ + 1;
    }
    return false;
}

}  // namespace corral::chat
