#include "chat/prompt/verbatim_prompt.hpp"

#include <algorithm>
#include <utility>

#include "chat/prompt/conversation.hpp"
#include "chat/prompt/tool_words.hpp"

namespace corral::chat {

namespace {

// What stands behind the header of the answer.
struct answer_start {
    std::string text;
    bool thinking = false;     // the model is expected to think
    bool in_thinking = false;  // the tag is open
};

answer_start new_answer(const family& in, bool thinking) {
    answer_start out;
    out.thinking = thinking;
    out.in_thinking = thinking && !in.thinking_opened.empty();
    out.text = thinking ? in.thinking_opened : in.thinks ? in.thinking_skipped : std::string_view{};
    return out;
}

// An answer whose text has begun has done its thinking, whatever of it is known: so the templates have it for
// the last answer. One that holds nothing but thinking goes on thinking.
answer_start continued_answer(const family& in, const message& begun, bool thinking) {
    const auto text = answer_with_calls(in, begun.content, begun.calls);
    answer_start out;
    if (!in.thinks) {
        out.text = text;
    } else if (!text.empty()) {
        out.text = "<think>\n" + begun.thinking + "\n</think>\n\n" + text;
    } else if (thinking && !begun.thinking.empty()) {
        out = {"<think>\n" + begun.thinking, true, true};
    } else {
        out = new_answer(in, thinking);
    }
    return out;
}

// The system text with all that belongs to its turn; nothing when there is none to write.
std::string system_text(const family& in, std::string asked, const nlohmann::ordered_json& tools,
                        bool has_tools) {
    if (asked.empty() && in.writes_default_system) {
        asked = in.default_system;
    }
    if (has_tools && !in.tools_in_first_user) {
        asked += asked.empty() ? "" : "\n\n";
        asked += tool_definitions(in, tools);
    }
    if (in.system_lead.empty()) {
        return asked;
    }
    std::string out(has_tools ? in.tools_lead : std::string_view{});
    out += in.system_lead;
    return out + asked;
}

// All of it; the last turn stays open.
std::string whole_text(const family& in, const std::vector<turn>& turns) {
    std::string out(in.bos);
    for (const auto& one : turns) {
        const bool open = &one == &turns.back();
        out += in.turn_open;
        out += header(in, one.from);
        out += neutralise(in, one.body);
        out += one.from == speaker::assistant && !open ? in.assistant_end : std::string_view{};
        out += open ? std::string_view{} : in.turn_close;
    }
    return out;
}

}  // namespace

rendered_prompt verbatim_prompt(const family& in, const std::vector<message>& messages,
                                std::string_view default_system, const nlohmann::ordered_json& tools,
                                bool thinking) {
    const bool has_tools = tools.is_array() && !tools.empty();
    auto turns = to_turns(in, messages);
    const bool continued = messages.back().from == role::assistant;
    const auto answer =
        continued ? continued_answer(in, messages.back(), thinking) : new_answer(in, thinking);
    if (continued) {
        turns.pop_back();
    }
    std::string asked(default_system);
    if (!turns.empty() && turns.front().from == speaker::system) {
        if (!turns.front().body.empty()) {
            asked = std::move(turns.front().body);
        }
        turns.erase(turns.begin());
    }
    auto system = system_text(in, std::move(asked), tools, has_tools);
    const auto first_user =
        std::find_if(turns.begin(), turns.end(), [](const turn& one) { return one.from == speaker::user; });
    if (first_user != turns.end() && has_tools && in.tools_in_first_user) {
        first_user->body.insert(0, tool_definitions(in, tools) + "\n\n");
    }
    if (first_user != turns.end() && in.system_in_first_user && !system.empty()) {
        first_user->body.insert(0, std::exchange(system, {}) + "\n\n");
    }
    if (!system.empty()) {
        const auto from = in.system_in_first_user ? speaker::user : speaker::system;
        turns.insert(turns.begin(), turn{from, std::move(system)});
    }
    turns.push_back({speaker::assistant, answer.text});

    rendered_prompt prompt;
    prompt.verbatim = true;
    prompt.thinking = answer.thinking;
    prompt.starts_in_thinking = answer.in_thinking;
    prompt.turns = whole_text(in, turns);
    return prompt;
}

}  // namespace corral::chat
