#include "corral/chat/output_filter.hpp"

#include <iterator>
#include <optional>
#include <utility>

#include "chat/answer/stop_matcher.hpp"
#include "chat/answer/think_filter.hpp"
#include "chat/answer/tool_filter.hpp"
#include "chat/answer/utf8_assembler.hpp"

namespace corral::chat {

namespace {

std::vector<std::string> ends_of(const filter_options& options) {
    auto ends = options.stops;
    ends.insert(ends.end(), options.format->end_texts.begin(), options.format->end_texts.end());
    return ends;
}

std::optional<call_syntax> calls_of(const filter_options& options) {
    return options.tool_names.empty() ? std::nullopt : syntax_of(options.format->tools);
}

void append(std::vector<generation_event>& target, std::vector<generation_event> events) {
    std::move(events.begin(), events.end(), std::back_inserter(target));
}

}  // namespace

struct output_filter::state {
    explicit state(filter_options options) : stops(ends_of(options)) {
        const auto syntax = calls_of(options);
        if (options.separate_thinking) {
            thinking.emplace(options.starts_in_thinking, syntax ? syntax->open_tag : std::string_view());
        } else if (options.format->thinks) {
            empty_block.emplace();
        }
        if (syntax) {
            tools.emplace(*syntax, std::move(options.tool_names));
        }
    }

    split_text separate(std::string text) {
        if (thinking) {
            return thinking->feed(text);
        }
        return {{}, empty_block ? empty_block->feed(text) : std::move(text)};
    }

    split_text rest() {
        if (thinking) {
            return thinking->finish();
        }
        return {{}, empty_block ? empty_block->finish() : std::string()};
    }

    // `last`: nothing comes after `text`.
    std::vector<generation_event> events(std::string text, bool last) {
        auto parts = separate(std::move(text));
        if (last) {
            auto held = rest();
            parts.thinking += held.thinking;
            parts.answer += held.answer;
            ended = true;
        }
        std::vector<generation_event> out;
        if (!parts.thinking.empty()) {
            out.emplace_back(thinking_event{std::move(parts.thinking)});
        }
        if (tools) {
            append(out, tools->feed(parts.answer));
            if (last) {
                append(out, tools->finish());
            }
        } else if (!parts.answer.empty()) {
            out.emplace_back(text_event{std::move(parts.answer)});
        }
        return out;
    }

    utf8_assembler characters;
    stop_matcher stops;
    std::optional<think_filter> thinking;           // when it is wanted apart
    std::optional<empty_think_filter> empty_block;  // when it isn't, but the model has the habit
    std::optional<tool_filter> tools;
    bool ended = false;
};

output_filter::output_filter(filter_options options) : state_(std::make_unique<state>(std::move(options))) {}
output_filter::~output_filter() = default;
output_filter::output_filter(output_filter&&) noexcept = default;
output_filter& output_filter::operator=(output_filter&&) noexcept = default;

std::vector<generation_event> output_filter::feed(std::string_view piece) {
    if (state_->ended) {
        return {};
    }
    auto text = state_->stops.feed(state_->characters.feed(piece));
    return state_->events(std::move(text), state_->stops.stopped());
}

bool output_filter::stopped() const noexcept {
    return state_->stops.stopped();
}

std::vector<generation_event> output_filter::finish() {
    if (state_->ended) {
        return {};
    }
    auto text = state_->stops.feed(state_->characters.finish());
    text += state_->stops.finish();
    return state_->events(std::move(text), true);
}

}  // namespace corral::chat
