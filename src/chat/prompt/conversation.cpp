#include "chat/prompt/conversation.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "chat/prompt/tool_words.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/text.hpp"

namespace corral::chat {

namespace {

constexpr std::string_view think_open = "<think>";
constexpr std::string_view think_close = "</think>";

std::string_view trim_leading_lines(std::string_view text) {
    while (text.starts_with('\n')) {
        text.remove_prefix(1);
    }
    return text;
}

std::string_view trim_lines(std::string_view text) {
    text = trim_leading_lines(text);
    while (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    return text;
}

void append_paragraph(std::string& target, std::string_view text) {
    if (!target.empty() && !text.empty()) {
        target += "\n\n";
    }
    target += text;
}

void append_images(image_list& to, const image_list& more) {
    to.insert(to.end(), more.begin(), more.end());
}

// Tool results stay separate, and no text is put before an earlier call.
std::vector<message> merge_neighbours(const family& format, const std::vector<message>& messages) {
    std::vector<message> merged;
    for (const auto& original : messages) {
        auto next = original;
        if (next.from == role::system && format.system_header.empty() && !merged.empty() &&
            (merged.size() > 1 || merged.front().from != role::system)) {
            next.from = role::user;
        }
        if (format.trims_texts && next.from != role::tool) {
            next.content = std::string(core::trimmed(next.content));
        }
        const bool joins = !merged.empty() && merged.back().from == next.from && next.from != role::tool &&
                           merged.back().calls.empty();
        if (!joins) {
            merged.push_back(std::move(next));
            continue;
        }
        append_paragraph(merged.back().content, next.content);
        append_paragraph(merged.back().thinking, next.thinking);
        append_images(merged.back().images, next.images);
        merged.back().calls = std::move(next.calls);
    }
    return merged;
}

// Splits thinking off the content. An unclosed tag at the start of an answer to be continued means that the
// model is still thinking.
void part_thinking(message& answer, bool last) {
    if (!answer.thinking.empty()) {
        answer.thinking = std::string(trim_lines(answer.thinking));
        answer.content = std::string(trim_leading_lines(answer.content));
        return;
    }
    std::string_view content = answer.content;
    const auto close = content.rfind(think_close);
    if (close != std::string_view::npos) {
        std::string_view thinking = content.substr(0, close);
        const auto open = thinking.rfind(think_open);
        if (open != std::string_view::npos) {
            thinking.remove_prefix(open + think_open.size());
        }
        std::string kept(trim_leading_lines(content.substr(close + think_close.size())));
        answer.thinking = std::string(trim_lines(thinking));
        answer.content = std::move(kept);
    } else if (last && answer.calls.empty() && core::trimmed_front(content).starts_with(think_open)) {
        answer.thinking = std::string(trim_lines(core::trimmed_front(content).substr(think_open.size())));
        answer.content.clear();
    }
}

bool is_disguised_result(const message& one) {
    return one.from == role::user && one.content.starts_with("<tool_response>") &&
           one.content.ends_with("</tool_response>");
}

// The index of the last user message that is no tool result in disguise, else of the last message.
std::size_t last_real_user(const std::vector<message>& messages) {
    for (std::size_t at = messages.size(); at-- > 0;) {
        if (messages[at].from == role::user && !is_disguised_result(messages[at])) {
            return at;
        }
    }
    return messages.empty() ? 0 : messages.size() - 1;
}

std::string assistant_body(const family& format, const message& answer, bool after_last_user,
                           bool as_written) {
    std::string body;
    const bool shows_thinking = (format.thinks && as_written) || (format.repeats_thinking && after_last_user);
    if (shows_thinking && !answer.thinking.empty()) {
        body.append(think_open).append("\n").append(answer.thinking).append("\n");
        body.append(think_close).append("\n\n");
    } else if (as_written) {
        body = format.thinking_skipped;
    }
    return body + answer_with_calls(format, answer.content, answer.calls);
}

}  // namespace

std::vector<message> settled(const family& format, const std::vector<message>& messages) {
    auto merged = merge_neighbours(format, messages);
    if (format.thinks) {
        for (auto& one : merged) {
            if (one.from == role::assistant) {
                part_thinking(one, &one == &merged.back());
            }
        }
    }
    const auto is_user = [](const message& one) { return one.from == role::user; };
    const auto first =
        std::ranges::find_if(merged, [](const message& one) { return one.from != role::system; });
    const bool opens_with_user = first == merged.end() || is_user(*first);
    const bool has_user = std::ranges::any_of(merged, is_user);
    if ((format.system_in_first_user && !opens_with_user) || (!format.tool_header.empty() && !has_user)) {
        merged.insert(first, message{});
    }
    return merged;
}

std::vector<turn> to_turns(const family& format, const std::vector<message>& messages, bool as_written) {
    const auto last_user = last_real_user(messages);
    std::vector<turn> turns;
    for (std::size_t at = 0; at < messages.size(); ++at) {
        const auto& one = messages[at];
        switch (one.from) {
            case role::system:
                turns.push_back({speaker::system, one.content, one.images});
                break;
            case role::user:
                turns.push_back({speaker::user, one.content, one.images, is_disguised_result(one)});
                break;
            case role::assistant:
                turns.push_back({speaker::assistant, assistant_body(format, one, at > last_user, as_written),
                                 one.images});
                break;
            case role::tool:
                if (!format.tool_header.empty()) {
                    turns.push_back({speaker::tool, tool_result(format, one.content), one.images, true});
                } else if (at > 0 && messages[at - 1].from == role::tool) {
                    turns.back().body += '\n' + tool_result(format, one.content);
                    append_images(turns.back().images, one.images);
                } else {
                    turns.push_back({speaker::user, tool_result(format, one.content), one.images, true});
                }
                break;
        }
    }
    return turns;
}

std::string_view header(const family& format, speaker from) {
    switch (from) {
        case speaker::system:
            return format.system_header;
        case speaker::user:
            return format.user_header;
        case speaker::assistant:
            return format.assistant_header;
        case speaker::tool:
            return format.tool_header;
    }
    return {};
}

std::string splice(const family& format, std::span<const turn> turns) {
    std::string out;
    bool first = true;
    for (const auto& one : turns) {
        if (!first) {
            out += format.turn_close;
            out += format.turn_open;
            out += header(format, one.from);
        }
        out += neutralise(format, one.body);
        if (one.from == speaker::assistant) {
            out += format.assistant_end;
        }
        first = false;
    }
    return out;
}

}  // namespace corral::chat
