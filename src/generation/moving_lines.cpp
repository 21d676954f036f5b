#include "generation/moving_lines.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/text.hpp"

namespace corral::generation {

namespace {

constexpr std::size_t most_shares = 64;
constexpr std::size_t texts_remembered = 3;
constexpr std::size_t most_bytes = std::size_t{64} * 1024;
constexpr std::ptrdiff_t most_lines = 2048;

template <typename Each>
void for_each_line(std::string_view text, Each each) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1);
        each(text.substr(0, end + 1));
        text.remove_prefix(end + 1);
    }
}

}  // namespace

settled_lines moving_lines::settle(const std::string& share, std::string_view system) {
    settled_lines out;
    out.fixed = system;
    if (system.empty() || system.size() > most_bytes || std::ranges::count(system, '\n') > most_lines) {
        return out;
    }
    const auto mark_of = [this](std::string_view line) {
        core::keyed_hash hash(key_);
        hash.feed(core::trimmed(line));
        return hash.result();
    };
    line_marks marks;
    for_each_line(system, [&](std::string_view line) { marks.push_back(mark_of(line)); });
    const line_marks by_place = marks;
    std::erase(marks, mark_of(""));  // which any two texts have in common
    std::ranges::sort(marks);
    auto found = std::ranges::find(known_, share, &entry::share);
    if (found == known_.end()) {
        if (known_.size() == most_shares) {
            known_.pop_front();
        }
        known_.push_back({share, {}});
    } else {
        std::rotate(found, found + 1, known_.end());
    }
    std::deque<line_marks>& last = known_.back().last;
    if (!last.empty()) {
        line_marks common;
        std::ranges::set_intersection(marks, last.back(), std::back_inserter(common));
        if (common.size() * 2 < marks.size()) {
            last.clear();
        }
    }
    const auto moves = [&last](std::uint64_t mark) {
        return !std::ranges::all_of(
            last, [mark](const line_marks& text) { return std::ranges::binary_search(text, mark); });
    };
    out.fixed.clear();
    auto mark = by_place.begin();
    for_each_line(system, [&](std::string_view line) {
        const bool blank = core::trimmed(line).empty();
        const bool moving = moves(*mark++) && !blank;
        (moving ? out.moving : out.fixed).append(line);
        out.count += moving ? 1 : 0;
    });
    if (!out.moving.empty() && !out.moving.ends_with('\n')) {
        out.moving += '\n';
    }
    last.push_back(std::move(marks));
    if (last.size() > texts_remembered) {
        last.pop_front();
    }
    return out;
}

std::optional<std::vector<chat::message>> with_lines_moved(const std::vector<chat::message>& messages,
                                                           const settled_lines& lines) {
    const auto newest = std::find_if(messages.rbegin(), messages.rend(), [](const chat::message& message) {
        return message.from == chat::role::user;
    });
    if (lines.moving.empty() || newest == messages.rend() || messages.front().from != chat::role::system) {
        return std::nullopt;
    }
    std::vector<chat::message> out = messages;
    out.front().content = lines.fixed;
    out.at(static_cast<std::size_t>(messages.rend() - newest) - 1).content.insert(0, lines.moving + "\n");
    return out;
}

}  // namespace corral::generation
