#include "chat/json/json_search.hpp"

#include <algorithm>

#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

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
