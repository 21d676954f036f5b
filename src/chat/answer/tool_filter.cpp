#include "chat/answer/tool_filter.hpp"

#include <algorithm>
#include <utility>

#include "chat/answer/stop_matcher.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

constexpr auto nowhere = std::string_view::npos;
constexpr std::string_view between_values = " \t\n\r\v\f,;";
// What may stand behind a bare call without being an answer: separators, and brackets too many.
constexpr std::string_view behind_bare_calls = " \t\n\r\v\f;}]";
constexpr std::size_t max_separators = 64;

}  // namespace

std::optional<call_syntax> syntax_of(tool_style style) {
    switch (style) {
        case tool_style::hermes:
            return call_syntax{.open_tag = "<tool_call>", .close_tag = "</tool_call>"};
        case tool_style::llama_json:
            return call_syntax{
                .open_tag = "<|python_tag|>", .close_tag = {}, .bare = true, .arguments_required = true};
        case tool_style::none:
            break;
    }
    return std::nullopt;
}

tool_filter::tool_filter(call_syntax syntax, std::vector<std::string> names, std::size_t max_call)
    : syntax_(syntax),
      rules_{std::move(names), syntax.arguments_required},
      max_call_(max_call),
      part_(syntax.bare ? part::start : part::text) {}

std::vector<generation_event> tool_filter::feed(std::string_view text) {
    held_ += text;
    return advance();
}

std::vector<generation_event> tool_filter::begin(std::string_view text) {
    begun_ = text.size();
    return feed(text);
}

std::vector<generation_event> tool_filter::finish(bool cut) {
    last_ = true;
    cut_ = cut;
    return advance();
}

std::vector<generation_event> tool_filter::advance() {
    while (go_on()) {
    }
    held_.erase(0, std::exchange(front_, 0));
    return std::exchange(out_, {});
}

bool tool_filter::go_on() {
    switch (part_) {
        case part::start:
            return start();
        case part::text:
            return plain_text();
        case part::lead:
            return lead();
        case part::inside:
            return inside();
        case part::behind_value:
            return behind_value();
        case part::broken:
            return syntax_.close_tag.empty() ? broken_bare() : broken();
        case part::behind_call:
            return behind_call();
    }
    return false;
}

bool tool_filter::start() {
    const auto rest = held();
    const auto first = rest.find_first_not_of(core::white_space);
    if (first == nowhere && !last_) {
        return false;
    }
    if (first != nowhere && rest[first] == '{') {
        begin_call(first);
    } else {
        part_ = part::text;
    }
    return true;
}

bool tool_filter::plain_text() {
    const auto rest = held();
    const auto tag = rest.find(syntax_.open_tag);
    if (tag != nowhere) {
        const auto before = core::trimmed_back(rest.substr(0, tag)).size();
        pass(before);
        begin_call(tag - before + syntax_.open_tag.size());
        return true;
    }
    const auto sure = rest.size() - partial_suffix_length(rest, syntax_.open_tag);
    const bool half_tag = sure < rest.size();
    pass(last_ && !(cut_ && half_tag) ? rest.size() : core::trimmed_back(rest.substr(0, sure)).size());
    if (last_) {
        front_ = held_.size();
    }
    return false;
}

void tool_filter::begin_call(std::size_t body) {
    body_ = body;
    next_ = body;
    part_ = part::lead;
}

bool tool_filter::lead() {
    const auto rest = held();
    next_ = std::min(rest.find_first_not_of(core::white_space, next_), rest.size());
    const bool too_long = next_ - body_ > max_call_;
    if (next_ == rest.size() && !last_ && !too_long) {
        return false;
    }
    if (next_ == rest.size() && !too_long) {
        return end_unfinished(rest.size());
    }
    if (too_long || (rest[next_] != '{' && rest[next_] != '[')) {
        return pass_opening();
    }
    return begin_value();
}

bool tool_filter::begin_value() {
    value_ = next_;
    progress_ = {};
    part_ = part::inside;
    return true;
}

bool tool_filter::search_end(std::size_t from) {
    next_ = from;
    part_ = part::broken;
    return true;
}

bool tool_filter::inside() {
    const auto rest = held();
    while (next_ < rest.size()) {
        if (next_ - body_ >= max_call_) {
            return pass_opening();
        }
        const auto now = progress_.feed(rest[next_++]);
        if (now == json_progress::verdict::broken) {
            return search_end(value_);
        }
        if (now == json_progress::verdict::complete) {
            if (syntax_.close_tag.empty()) {
                return decide(next_, next_, text_end::certain);
            }
            part_ = part::behind_value;
            return true;
        }
    }
    // A string without an end may have hidden the closing tag.
    return last_ && search_end(value_);
}

bool tool_filter::behind_value() {
    const auto held_text = held();
    next_ = std::min(held_text.find_first_not_of(between_values, next_), held_text.size());
    if (next_ - body_ > max_call_) {
        return pass_opening();
    }
    const auto rest = held_text.substr(next_);
    if (rest.starts_with('{') || rest.starts_with('[')) {
        return begin_value();
    }
    if (rest.starts_with(syntax_.close_tag)) {
        return decide(next_, next_ + syntax_.close_tag.size(), text_end::certain);
    }
    if (rest.starts_with(syntax_.open_tag)) {
        return decide(next_, next_, text_end::certain);
    }
    const bool half_closed = syntax_.close_tag.starts_with(rest);
    if (last_ && half_closed) {
        return decide(next_, held_text.size(), text_end::maybe_cut);
    }
    if (!last_ && (half_closed || syntax_.open_tag.starts_with(rest))) {
        return false;
    }
    return search_end(next_);
}

bool tool_filter::broken() {
    const auto rest = held();
    const auto closing = rest.find(syntax_.close_tag, next_);
    const auto end = std::min(closing, rest.find(syntax_.open_tag, next_));
    if (end != nowhere && end - body_ <= max_call_) {
        return decide(end, end == closing ? end + syntax_.close_tag.size() : end, text_end::certain);
    }
    if (end != nowhere || rest.size() - body_ > max_call_ + syntax_.close_tag.size()) {
        return pass_opening();
    }
    if (last_) {
        const auto half_tag = partial_suffix_length(rest.substr(next_), syntax_.close_tag);
        return decide(rest.size() - half_tag, rest.size(), text_end::maybe_cut);
    }
    next_ = std::max(next_, rest.size() - std::min(rest.size(), syntax_.close_tag.size() - 1));
    return false;
}

// Nothing but the answer's end says where a broken bare call ends.
bool tool_filter::broken_bare() {
    const auto size = held().size();
    if (size - body_ > max_call_) {
        return pass_opening();
    }
    return last_ && decide(size, size, text_end::maybe_cut);
}

bool tool_filter::behind_call() {
    front_ = held_.size() - core::trimmed_front(held()).size();
    const auto rest = held();
    if (syntax_.bare) {
        return behind_bare_call(rest);
    }
    part_ = rest.empty() ? part::behind_call : part::text;
    return !rest.empty();
}

bool tool_filter::behind_bare_call(std::string_view rest) {
    const auto next = std::min(rest.find_first_not_of(behind_bare_calls), rest.size());
    const auto behind = rest.substr(next);
    if (next <= max_separators) {
        if (behind.starts_with('{') || behind.starts_with(syntax_.open_tag)) {
            begin_call(next + (behind.front() == '{' ? 0 : syntax_.open_tag.size()));
            return true;
        }
        if (!last_ && syntax_.open_tag.starts_with(behind)) {
            return false;
        }
        if (behind.empty()) {
            front_ = held_.size();
            return false;
        }
    }
    part_ = part::text;
    return true;
}

bool tool_filter::decide(std::size_t end, std::size_t after, text_end end_kind) {
    auto calls = calls_in(held().substr(body_, end - body_), rules_, end_kind);
    if (calls.empty() && end_kind == text_end::maybe_cut) {
        return end_unfinished(after);
    }
    if (calls.empty()) {
        pass(after);
        part_ = part::text;
        return true;
    }
    for (auto& call : calls) {
        out_.emplace_back(tool_call_event{std::move(call)});
    }
    front_ += after;
    begun_ = 0;
    part_ = part::behind_call;
    return true;
}

bool tool_filter::end_unfinished(std::size_t after) {
    if (cut_ && is_tagged()) {
        front_ = held_.size();
    } else {
        pass(after);
    }
    part_ = part::text;
    return true;
}

bool tool_filter::pass_opening() {
    pass(body_);
    part_ = part::text;
    return true;
}

void tool_filter::pass(std::size_t count) {
    const std::size_t not_models = std::min(begun_, count);
    begun_ -= not_models;
    front_ += not_models;
    count -= not_models;
    if (count == 0) {
        return;
    }
    if (out_.empty() || !std::holds_alternative<text_event>(out_.back())) {
        out_.emplace_back(text_event{});
    }
    std::get<text_event>(out_.back()).text += held().substr(0, count);
    front_ += count;
}

}  // namespace corral::chat
