#include "corral/chat/output_filter.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "chat/answer/stop_matcher.hpp"
#include "chat/answer/think_filter.hpp"
#include "chat/answer/tool_filter.hpp"
#include "chat/answer/utf8_assembler.hpp"

namespace corral::chat {

namespace {

std::optional<call_syntax> calls_of(const filter_options& options) {
    auto out = options.tool_names.empty() ? std::nullopt : syntax_of(options.format->tools);
    if (out && options.call_begun) {
        out->bare = true;
    }
    return out;
}

void append(std::vector<generation_event>& target, std::vector<generation_event> events) {
    std::move(events.begin(), events.end(), std::back_inserter(target));
}

}  // namespace

struct output_filter::state {
    explicit state(filter_options options)
        : ends({options.format->end_texts.begin(), options.format->end_texts.end()}),
          stops(std::move(options.stops)),
          stops_see_thinking(options.stops_see_thinking),
          one_call(options.one_call) {
        const auto syntax = calls_of(options);
        if (options.separate_thinking) {
            thinking.emplace(options.starts_in_thinking, syntax ? syntax->open_tag : std::string_view());
        }
        if (syntax) {
            tools.emplace(*syntax, std::move(options.tool_names));
            (void)tools->begin(options.call_begun.value_or(""));
        }
    }

    // `over`: nothing comes after `text`; `limited`: because of a limit.
    split_text separate(std::string text, bool over, bool limited) {
        if (stops_see_thinking) {
            text = before_stop(text, over);
        }
        over = over || stops.stopped();
        const bool cut = limited || stops.stopped();
        split_text out;
        if (thinking) {
            out = thinking->feed(text);
            split_text held = over ? thinking->finish(cut) : split_text{};
            out.thinking += held.thinking;
            out.answer += held.answer;
        } else {
            out.answer = std::move(text);
        }
        if (!stops_see_thinking) {
            out.answer = before_stop(out.answer, over);
        }
        return out;
    }

    std::string before_stop(std::string_view text, bool over) {
        std::string out = stops.feed(text);
        if (over) {
            out += stops.finish();
        }
        return out;
    }

    std::vector<generation_event> events(std::string_view raw, bool over, bool limited) {
        std::string text = ends.feed(raw);
        if (over) {
            text += ends.finish();
        }
        // A turn that the model ended is whole, whatever else ends with it.
        limited = limited && !ends.stopped();
        auto parts = separate(std::move(text), over || ends.stopped(), limited);
        ended = over || stopped();
        std::vector<generation_event> out;
        if (!parts.thinking.empty()) {
            out.emplace_back(thinking_event{std::move(parts.thinking)});
        }
        if (tools) {
            append(out, tools->feed(parts.answer));
            if (ended) {
                append(out, tools->finish(limited || stops.stopped()));
            }
        } else if (!parts.answer.empty()) {
            out.emplace_back(text_event{std::move(parts.answer)});
        }
        if (one_call) {
            end_behind_call(out);
        }
        return out;
    }

    // Not with the call itself: most models end there by themselves, and a runtime that is stopped may lose its cache.
    void end_behind_call(std::vector<generation_event>& out) {
        auto behind = out.begin();
        if (!called) {
            behind = std::ranges::find_if(out, [](const generation_event& event) {
                return std::holds_alternative<tool_call_event>(event);
            });
            if (behind == out.end()) {
                return;
            }
            ++behind;
            called = true;
        }
        said_more = behind != out.end() || tools->holds_text();
        ended = ended || said_more;
        out.erase(behind, out.end());
    }

    [[nodiscard]] bool stopped() const noexcept { return ends.stopped() || stops.stopped() || said_more; }

    utf8_assembler characters;
    stop_matcher ends;   // of the family, in all that the model writes
    stop_matcher stops;  // of the client
    bool stops_see_thinking;
    bool one_call;
    bool called = false;                   // of one call
    bool said_more = false;                // behind it
    std::optional<think_filter> thinking;  // when it is wanted apart
    std::optional<tool_filter> tools;
    bool ended = false;
};

output_filter::output_filter(filter_options options) : state_(std::make_unique<state>(std::move(options))) {}
output_filter::~output_filter() = default;
output_filter::output_filter(output_filter&&) noexcept = default;

std::vector<generation_event> output_filter::feed(std::string_view piece) {
    if (state_->ended) {
        return {};
    }
    return state_->events(state_->characters.feed(piece), false, false);
}

bool output_filter::stopped() const noexcept {
    return state_->stopped();
}

const std::string& output_filter::stopped_by() const noexcept {
    return state_->stops.hit();
}

bool output_filter::swallowed_block() const noexcept {
    return state_->thinking && state_->thinking->swallowed_block();
}

bool output_filter::before_answer() const noexcept {
    return state_->thinking && state_->thinking->before_answer();
}

bool output_filter::in_thoughts() const noexcept {
    return state_->thinking && state_->thinking->in_thoughts();
}

std::vector<generation_event> output_filter::finish(bool cut) {
    if (state_->ended) {
        return {};
    }
    return state_->events(state_->characters.finish(), true, cut);
}

}  // namespace corral::chat
