#include "corral/chat/render.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "chat/prompt/conversation.hpp"
#include "chat/prompt/prompt_form_policy.hpp"
#include "chat/prompt/shown_template.hpp"
#include "chat/prompt/template_prompt.hpp"
#include "chat/prompt/tool_words.hpp"
#include "chat/prompt/verbatim_prompt.hpp"

namespace corral::chat {

namespace {

bool asks_something(const message& one) {
    return one.from == role::user || one.from == role::tool;
}

// The first system turn: what the request says, else the default, then the tools.
std::string system_body(const render_options& how, std::string asked, const nlohmann::ordered_json& tools,
                        bool has_tools) {
    const family& in = *how.format;
    const bool takes_tools = has_tools && !in.tools_in_first_user;
    if (asked.empty()) {
        asked = how.default_system;
    }
    if (asked.empty() && (!takes_tools || in.writes_default_system)) {
        asked = in.default_system;
    }
    if (!takes_tools) {
        return asked;
    }
    if (!asked.empty()) {
        asked += "\n\n";
    }
    return asked + tool_definitions(in, tools);
}

// The switch at the very end, where the vendor's own scripts put it as well
// (docs/facts/vendor_ax.md#tokenizer-semantics).
void append_switch(std::string& body, std::string_view text) {
    if (body.ends_with(text)) {
        return;
    }
    if (!body.empty()) {
        body += ' ';
    }
    body += text;
}

bool is_user(const turn& one) {
    return one.from == speaker::user;
}

std::string_view role_word(speaker from) {
    if (from == speaker::system) {
        return "system";
    }
    return from == speaker::assistant ? "assistant" : "user";
}

// Results of tools speak as the user, in the family's words; texts of the same speaker are one, for many
// templates refuse two turns of one role in a row.
std::vector<role_text> as_role_texts(const family& in, const std::vector<turn>& turns) {
    std::vector<role_text> out;
    for (const turn& one : turns) {
        if (one.from == speaker::system && one.body.empty()) {
            continue;
        }
        const auto role = role_word(one.from);
        auto text = neutralise(in, one.body);
        if (!out.empty() && out.back().role == role) {
            out.back().text += "\n\n" + text;
        } else {
            out.push_back({std::string(role), std::move(text)});
        }
    }
    return out;
}

rendered_prompt wrapped_prompt(const render_options& how, const std::vector<message>& messages,
                               const nlohmann::ordered_json& tools, thinking_mode thinking) {
    const family& in = *how.format;
    const bool has_tools = tools.is_array() && !tools.empty();
    auto turns = to_turns(in, messages);
    if (turns.front().from != speaker::system) {
        turns.insert(turns.begin(), turn{speaker::system, {}});
    }
    turns.front().body = system_body(how, std::move(turns.front().body), tools, has_tools);
    const auto first_user = std::find_if(turns.begin(), turns.end(), is_user);
    if (has_tools && in.tools_in_first_user && first_user != turns.end()) {
        first_user->body.insert(0, tool_definitions(in, tools) + "\n\n");
    }

    rendered_prompt prompt;
    prompt.thinking = expects_thinking(how, prompt_form::wrapped, thinking);
    prompt.starts_in_thinking = prompt.thinking && in.may_start_in_thinking;
    const bool off = in.thinks && !in.no_think_switch.empty() && thinking == thinking_mode::off;
    if (off && !how.package_forbids_thinking) {
        append_switch(turns.back().body, in.no_think_switch);
    }
    prompt.system = splice(in, std::span(turns.begin(), first_user));
    prompt.turns = splice(in, std::span(first_user, turns.end()));
    if (how.as_messages) {
        prompt.messages = as_role_texts(in, turns);
    }
    return prompt;
}

}  // namespace

core::result<rendered_prompt> render(const render_options& how, const std::vector<message>& messages,
                                     const nlohmann::ordered_json& tools, thinking_mode thinking) {
    const family& in = *how.format;
    if (!how.prompt_template.empty() && is_shown_template(in, how.prompt_template)) {
        auto plain = how;
        plain.prompt_template.clear();
        return render(plain, messages, tools, thinking);
    }
    const bool has_tools = tools.is_array() && !tools.empty();
    if (messages.empty()) {
        return core::make_failure(core::errc::refused, "the conversation has no message");
    }
    if (has_tools && in.tools == tool_style::none) {
        return core::make_failure(core::errc::refused,
                                  "the chat format '" + std::string(in.name) + "' has no tools");
    }
    const bool no_question = std::none_of(messages.begin(), messages.end(), asks_something);
    const bool open_answer = messages.back().from == role::assistant;
    const prompt_need need{open_answer, no_question, has_tools, thinking};
    const auto form = choose_form(how, need);
    if (!form) {
        return form.error();
    }
    const auto ready = settled(in, messages);
    if (*form == prompt_form::wrapped) {
        return wrapped_prompt(how, ready, tools, thinking);
    }
    if (how.prompt_template.empty()) {
        return verbatim_prompt(in, ready, how.default_system, tools, expects_thinking(how, *form, thinking));
    }
    return template_prompt(how, ready, tools, thinking);
}

rendered_prompt render_raw(std::string text) {
    rendered_prompt prompt;
    prompt.turns = std::move(text);
    prompt.verbatim = true;
    return prompt;
}

core::result<rendered_prompt> render_fill_in_middle(const render_options& how, const fill_in_middle& hole) {
    const family& in = *how.format;
    if (!how.prompt_template.empty()) {
        auto by_template = template_hole(how, hole);
        if (!by_template) {
            return by_template.error();
        }
        if (*by_template) {
            return std::move(**by_template);
        }
    }
    if (in.fill.prefix.empty()) {
        return core::make_failure(core::errc::refused, "the chat format '" + std::string(in.name) +
                                                           "' can't fill in what stands between two texts");
    }
    std::string text(in.fill.prefix);
    text += neutralise(in, hole.prefix);
    text += in.fill.suffix;
    text += neutralise(in, hole.suffix);
    text += in.fill.middle;
    return render_raw(std::move(text));
}

}  // namespace corral::chat
