#include "corral/chat/render.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "chat/prompt/conversation.hpp"
#include "chat/prompt/prompt_form_policy.hpp"
#include "chat/prompt/tool_words.hpp"
#include "chat/prompt/verbatim_prompt.hpp"
#include "corral/core/say.hpp"

namespace corral::chat {

namespace {

bool asks_something(const message& next) {
    return next.from == role::user || next.from == role::tool;
}

// The first system turn: the request's text or the default, then the tools.
std::string system_body(const render_options& options, std::string text, const nlohmann::ordered_json& tools,
                        bool has_tools) {
    const family& format = *options.format;
    const bool takes_tools = has_tools && !format.tools_in_first_user;
    if (text.empty()) {
        text = options.default_system;
    }
    const bool wanted = takes_tools ? format.writes_default_system : !options.may_lack_system;
    if (text.empty() && wanted) {
        text = format.default_system;
    }
    if (!takes_tools) {
        return text;
    }
    if (!text.empty()) {
        text += "\n\n";
    }
    return text + tool_definitions(format, tools);
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
std::vector<role_text> as_role_texts(const family& format, const std::vector<turn>& turns) {
    std::vector<role_text> out;
    for (const turn& one : turns) {
        if (one.from == speaker::system && one.body.empty()) {
            continue;
        }
        const auto role = role_word(one.from);
        auto text = neutralise(format, one.body);
        if (!out.empty() && out.back().role == role) {
            out.back().text += (out.back().text.empty() || text.empty() ? "" : "\n\n") + text;
            out.back().images.insert(out.back().images.end(), one.images.begin(), one.images.end());
            out.back().results = out.back().results && one.results;
        } else {
            out.push_back({std::string(role), std::move(text), one.images, one.results});
        }
    }
    return out;
}

rendered_prompt wrapped_prompt(const render_options& options, const std::vector<message>& messages,
                               const nlohmann::ordered_json& tools, thinking_mode thinking) {
    const family& format = *options.format;
    const bool has_tools = tools.is_array() && !tools.empty();
    auto turns = to_turns(format, messages, options.as_written && !options.as_messages);
    if (turns.front().from != speaker::system) {
        turns.insert(turns.begin(), turn{speaker::system, {}});
    }
    turns.front().body = system_body(options, std::move(turns.front().body), tools, has_tools);
    const auto first_user = std::ranges::find_if(turns, is_user);
    if (has_tools && format.tools_in_first_user && first_user != turns.end()) {
        first_user->body.insert(0, tool_definitions(format, tools) + "\n\n");
    }

    rendered_prompt prompt;
    prompt.thinking = expects_thinking(options, prompt_form::wrapped, thinking);
    prompt.starts_in_thinking = prompt.thinking && format.may_start_in_thinking;
    prompt.empties_thinking = format.thinks && !prompt.thinking;
    const bool off = format.thinks && !format.no_think_switch.empty() && thinking == thinking_mode::off;
    if (off && !options.package_forbids_thinking) {
        append_switch(turns.back().body, format.no_think_switch);
    }
    prompt.system = splice(format, std::span(turns.begin(), first_user));
    prompt.turns = splice(format, std::span(first_user, turns.end()));
    if (options.as_messages) {
        prompt.messages = as_role_texts(format, turns);
    }
    return prompt;
}

}  // namespace

core::result<rendered_prompt> render(const render_options& options, const std::vector<message>& messages,
                                     const nlohmann::ordered_json& tools, thinking_mode thinking) {
    const family& format = *options.format;
    if (!options.prompt_template.empty() && is_shown_template(format, options.prompt_template)) {
        auto plain = options;
        plain.prompt_template.clear();
        return render(plain, messages, tools, thinking);
    }
    const bool has_tools = tools.is_array() && !tools.empty();
    if (messages.empty()) {
        return core::make_failure(core::errc::refused,
                                  core::say("request.conversation/conversation-message"));
    }
    if (has_tools && format.tools == tool_style::none) {
        return core::make_failure(core::errc::refused,
                                  core::say("request.conversation/model-chat", format.name));
    }
    const bool no_question = std::ranges::none_of(messages, asks_something);
    const bool open_answer = messages.back().from == role::assistant;
    const bool images = std::ranges::any_of(messages, [](const message& one) { return !one.images.empty(); });
    const prompt_need need{open_answer, no_question, has_tools, thinking, images};
    const auto form = choose_form(options, need);
    if (!form) {
        return form.error();
    }
    const auto ready = settled(format, messages);
    if (*form == prompt_form::wrapped) {
        return wrapped_prompt(options, ready, tools, thinking);
    }
    if (options.prompt_template.empty()) {
        return verbatim_prompt(format, ready, options.default_system, tools,
                               expects_thinking(options, *form, thinking), options.as_written);
    }
    auto prompt = template_prompt(options, ready, tools, thinking);
    if (prompt && prompt->turns.empty()) {
        return core::make_failure(core::errc::invalid,  // not by itself: another request may fill it
                                  core::say("request.template/nothing"));
    }
    return prompt;
}

image_list images_of(const rendered_prompt& prompt) {
    image_list out;
    for (const role_text& one : prompt.messages) {
        out.insert(out.end(), one.images.begin(), one.images.end());
    }
    return out;
}

rendered_prompt render_raw(std::string text) {
    rendered_prompt prompt;
    prompt.turns = std::move(text);
    prompt.verbatim = true;
    return prompt;
}

core::result<rendered_prompt> render_fill_in_middle(const render_options& options,
                                                    const fill_in_middle& hole) {
    const family& format = *options.format;
    if (!options.prompt_template.empty()) {
        auto by_template = template_hole(options, hole);
        if (!by_template) {
            return by_template.error();
        }
        if (*by_template) {
            return std::move(**by_template);
        }
    }
    if (format.fill.prefix.empty()) {
        return core::make_failure(core::errc::refused,
                                  core::say("request.conversation/chat-format", format.name));
    }
    std::string text(format.fill.prefix);
    text += neutralise(format, hole.prefix);
    text += format.fill.suffix;
    text += neutralise(format, hole.suffix);
    text += format.fill.middle;
    return render_raw(std::move(text));
}

}  // namespace corral::chat
