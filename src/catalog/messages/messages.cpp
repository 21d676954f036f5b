#include <algorithm>
#include <array>

#include "corral/catalog/message.hpp"

namespace corral::catalog {

namespace {

constexpr std::string_view left_open = "…";

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

bool holds_in_order(std::string_view sentence, std::string_view text) {
    for (const std::string_view part : fixed_parts(text)) {
        const std::size_t at = sentence.find(part);
        if (at == std::string_view::npos) {
            return false;
        }
        sentence.remove_prefix(at + part.size());
    }
    return true;
}

std::size_t fixed_length(std::string_view text) {
    std::size_t sum = 0;
    for (const std::string_view part : fixed_parts(text)) {
        sum += part.size();
    }
    return sum;
}

// What stands before a cause, as Corral itself says it.
constexpr std::array<std::string_view, 6> cause_joints{
    "loading again after: ",      "failed too often, the last time: ", "ended by itself: ",
    "does not answer any more: ", "printed what may mean: ",           "while loading it had said: ",
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

void take_apart(std::vector<std::string>& to, std::string_view text) {
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

std::vector<message> all_messages() {
    std::vector<message> out;
    for (const auto all : {request_messages(), model_messages(), service_messages(), command_messages()}) {
        out.insert(out.end(), all.begin(), all.end());
    }
    return out;
}

std::optional<message> find_message(std::string_view asked) {
    const std::vector<message> all = all_messages();
    const auto by_id = std::ranges::find(all, asked, &message::id);
    if (by_id != all.end()) {
        return *by_id;
    }
    const message* best = nullptr;
    for (const message& one : all) {
        const bool longer = best == nullptr || fixed_length(one.text) > fixed_length(best->text);
        if (longer && holds_in_order(asked, one.text)) {
            best = &one;
        }
    }
    return best == nullptr ? std::nullopt : std::optional(*best);
}

std::vector<std::string> causes_of(std::string_view reason) {
    std::vector<std::string> out;
    take_apart(out, reason);
    return out;
}

}  // namespace corral::catalog
