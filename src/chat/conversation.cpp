#include "chat/conversation.hpp"

#include <utility>

#include "chat/hermes_tools.hpp"

namespace corral::chat {

namespace {

constexpr std::string_view think_open = "<think>";
constexpr std::string_view think_close = "</think>";

std::string_view trim_lines(std::string_view text) {
    while (text.starts_with('\n')) {
        text.remove_prefix(1);
    }
    while (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    return text;
}

std::string_view trim_leading_lines(std::string_view text) {
    while (text.starts_with('\n')) {
        text.remove_prefix(1);
    }
    return text;
}

void append_paragraph(std::string& to, std::string_view text) {
    if (!to.empty() && !text.empty()) {
        to += "\n\n";
    }
    to += text;
}

// Equal neighbours become one message, as Ollama's Go templates have it (ollama_wire.md §11.1). Tool results
// stay apart, and nothing is put before a call that was made earlier.
std::vector<message> merge_neighbours(const family& in, const std::vector<message>& messages) {
    std::vector<message> merged;
    for (const auto& original : messages) {
        auto next = original;
        if (next.from == role::system && in.system_header.empty() && !merged.empty() &&
            (merged.size() > 1 || merged.front().from != role::system)) {
            next.from = role::user;
        }
        const bool joins = !merged.empty() && merged.back().from == next.from && next.from != role::tool &&
                           merged.back().calls.empty();
        if (!joins) {
            merged.push_back(std::move(next));
            continue;
        }
        append_paragraph(merged.back().content, next.content);
        append_paragraph(merged.back().thinking, next.thinking);
        merged.back().calls = std::move(next.calls);
    }
    return merged;
}

// The index of the last user message that isn't a tool result in disguise, else of the last message.
std::size_t last_real_user(const std::vector<message>& messages) {
    for (std::size_t at = messages.size(); at-- > 0;) {
        const auto& one = messages[at];
        const bool result =
            one.content.starts_with("<tool_response>") && one.content.ends_with("</tool_response>");
        if (one.from == role::user && !result) {
            return at;
        }
    }
    return messages.empty() ? 0 : messages.size() - 1;
}

std::string assistant_body(const family& in, const message& from, bool after_last_user) {
    std::string_view content = from.content;
    std::string_view thinking = from.thinking;
    const auto close = content.rfind(think_close);
    if (in.thinks && thinking.empty() && close != std::string_view::npos) {
        thinking = content.substr(0, close);
        const auto open = thinking.rfind(think_open);
        if (open != std::string_view::npos) {
            thinking.remove_prefix(open + think_open.size());
        }
        content = trim_leading_lines(content.substr(close + think_close.size()));
    }
    thinking = trim_lines(thinking);

    std::string body;
    if (in.repeats_thinking && after_last_user && !thinking.empty()) {
        content = trim_leading_lines(content);
        body.append(think_open).append("\n").append(thinking).append("\n");
        body.append(think_close).append("\n\n");
    }
    body += content;
    bool line_break = !content.empty();
    for (const auto& call : from.calls) {
        if (line_break) {
            body += '\n';
        }
        body += hermes_call(call);
        line_break = true;
    }
    return body;
}

std::string_view header(const family& in, speaker from) {
    switch (from) {
        case speaker::system:
            return in.system_header;
        case speaker::user:
            return in.user_header;
        case speaker::assistant:
            return in.assistant_header;
    }
    return {};
}

}  // namespace

std::vector<turn> to_turns(const family& in, const std::vector<message>& messages) {
    const auto merged = merge_neighbours(in, messages);
    const auto last_user = last_real_user(merged);
    std::vector<turn> turns;
    for (std::size_t at = 0; at < merged.size(); ++at) {
        const auto& one = merged[at];
        switch (one.from) {
            case role::system:
                turns.push_back({speaker::system, one.content});
                break;
            case role::user:
                turns.push_back({speaker::user, one.content});
                break;
            case role::assistant:
                turns.push_back({speaker::assistant, assistant_body(in, one, at > last_user)});
                break;
            case role::tool:
                if (at > 0 && merged[at - 1].from == role::tool) {
                    turns.back().body += '\n' + hermes_result(one.content);
                } else {
                    turns.push_back({speaker::user, hermes_result(one.content)});
                }
                break;
        }
    }
    return turns;
}

std::string splice(const family& in, std::span<const turn> turns) {
    std::string out;
    bool first = true;
    for (const auto& one : turns) {
        if (!first) {
            out += in.turn_close;
            out += in.turn_open;
            out += header(in, one.from);
        }
        out += neutralise(in, one.body);
        if (one.from == speaker::assistant) {
            out += in.assistant_end;
        }
        first = false;
    }
    return out;
}

}  // namespace corral::chat
