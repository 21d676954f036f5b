#include "chat/prompt/verbatim_prompt.hpp"

#include <algorithm>
#include <utility>

#include "chat/prompt/conversation.hpp"
#include "chat/prompt/tool_words.hpp"

namespace corral::chat {

namespace {

// The text behind the header of the answer.
struct answer_start {
    std::string text;
    bool thinking = false;     // the model is expected to think
    bool in_thinking = false;  // the tag is open
};

answer_start new_answer(const family& format, bool thinking) {
    answer_start out;
    out.thinking = thinking;
    out.in_thinking = thinking && !format.thinking_opened.empty();
    out.text = thinking        ? format.thinking_opened
               : format.thinks ? format.thinking_skipped
                               : std::string_view{};
    return out;
}

// An answer whose text has begun is past its thinking, as the templates write the last answer. One that is
// nothing but thinking goes on thinking.
answer_start continued_answer(const family& format, const message& begun, bool thinking) {
    const auto text = answer_with_calls(format, begun.content, begun.calls);
    answer_start out;
    if (!format.thinks) {
        out.text = text;
    } else if (!text.empty() || begun.thought) {
        out.text = "<think>\n" + begun.thinking + "\n</think>\n\n" + text;
    } else if (thinking && !begun.thinking.empty()) {
        out = {"<think>\n" + begun.thinking, true, true};
    } else {
        out = new_answer(format, thinking);
    }
    return out;
}

// The system prompt with everything that belongs to its turn; empty when there is no such turn.
std::string system_text(const family& format, std::string text, const nlohmann::ordered_json& tools,
                        bool has_tools) {
    if (text.empty() && format.writes_default_system) {
        text = format.default_system;
    }
    if (has_tools && !format.tools_in_first_user) {
        text += text.empty() ? "" : "\n\n";
        text += tool_definitions(format, tools);
    }
    if (format.system_lead.empty()) {
        return text;
    }
    std::string out(has_tools ? format.tools_lead : std::string_view{});
    out += format.system_lead;
    return out + text;
}

// The whole prompt; the last turn stays open.
std::string whole_text(const family& format, const std::vector<turn>& turns) {
    std::string out(format.bos);
    for (const auto& one : turns) {
        const bool open = &one == &turns.back();
        out += format.turn_open;
        out += header(format, one.from);
        out += neutralise(format, one.body);
        out += one.from == speaker::assistant && !open ? format.assistant_end : std::string_view{};
        out += open ? std::string_view{} : format.turn_close;
    }
    return out;
}

}  // namespace

rendered_prompt verbatim_prompt(const family& format, const std::vector<message>& messages,
                                std::string_view default_system, const nlohmann::ordered_json& tools,
                                bool thinking, bool as_written) {
    const bool has_tools = tools.is_array() && !tools.empty();
    auto turns = to_turns(format, messages, as_written);
    const bool continued = messages.back().from == role::assistant;
    const auto answer =
        continued ? continued_answer(format, messages.back(), thinking) : new_answer(format, thinking);
    if (continued) {
        turns.pop_back();
    }
    std::string system_words(default_system);
    if (!turns.empty() && turns.front().from == speaker::system) {
        if (!turns.front().body.empty()) {
            system_words = std::move(turns.front().body);
        }
        turns.erase(turns.begin());
    }
    auto system = system_text(format, std::move(system_words), tools, has_tools);
    const auto first_user = std::ranges::find(turns, speaker::user, &turn::from);
    if (first_user != turns.end() && has_tools && format.tools_in_first_user) {
        first_user->body.insert(0, tool_definitions(format, tools) + "\n\n");
    }
    if (first_user != turns.end() && format.system_in_first_user && !system.empty()) {
        first_user->body.insert(0, std::exchange(system, {}) + "\n\n");
    }
    if (!system.empty()) {
        const auto from = format.system_in_first_user ? speaker::user : speaker::system;
        turns.insert(turns.begin(), turn{from, std::move(system)});
    }
    turns.push_back({speaker::assistant, answer.text});

    rendered_prompt prompt;
    prompt.verbatim = true;
    prompt.thinking = answer.thinking;
    prompt.starts_in_thinking = answer.in_thinking;
    prompt.turns = whole_text(format, turns);
    return prompt;
}

}  // namespace corral::chat
