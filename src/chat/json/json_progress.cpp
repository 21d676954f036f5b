#include "chat/json/json_progress.hpp"

#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

bool may_stand_outside_strings(char c) {
    return core::is_digit(c) || core::is_letter(c) ||
           std::string_view(" \t\r\n:+-._").find(c) != std::string_view::npos;
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
    return tree;
}

}  // namespace corral::chat
