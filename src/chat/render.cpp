#include "corral/chat/render.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "chat/conversation.hpp"
#include "chat/hermes_tools.hpp"

namespace corral::chat {

namespace {

bool asks_something(const message& one) {
    return one.from == role::user || one.from == role::tool;
}

core::result<void> check(const family& in, const std::vector<message>& messages, bool has_tools) {
    if (std::none_of(messages.begin(), messages.end(), asks_something)) {
        return core::make_failure(core::errc::refused,
                                  "the conversation has no user message, so there is nothing to answer");
    }
    if (messages.back().from == role::assistant) {
        return core::make_failure(core::errc::refused,
                                  "the conversation ends with an assistant message, and this runtime can't "
                                  "continue one; end it with a user message");
    }
    if (has_tools && in.tools == tool_style::none) {
        return core::make_failure(core::errc::refused,
                                  "the chat format '" + std::string(in.name) + "' has no tools");
    }
    return {};
}

// The first system turn: what the request says, else the default, then the tools.
std::string system_body(const render_options& how, std::string asked, const nlohmann::ordered_json& tools,
                        bool has_tools) {
    const family& in = *how.format;
    if (asked.empty()) {
        asked = how.default_system;
    }
    if (asked.empty() && (!has_tools || in.writes_default_system)) {
        asked = in.default_system;
    }
    if (!has_tools) {
        return asked;
    }
    if (!asked.empty()) {
        asked += "\n\n";
    }
    return asked + hermes_definitions(tools);
}

// The switch at the very end, where the vendor's own scripts put it as well (vendor_ax.md §6.3).
void append_switch(std::string& body, std::string_view text) {
    if (body.ends_with(text)) {
        return;
    }
    if (!body.empty()) {
        body += ' ';
    }
    body += text;
}

}  // namespace

core::result<rendered_prompt> render(const render_options& how, const std::vector<message>& messages,
                                     const nlohmann::ordered_json& tools, thinking_mode thinking) {
    const family& in = *how.format;
    const bool has_tools = tools.is_array() && !tools.empty();
    if (const auto checked = check(in, messages, has_tools); !checked) {
        return checked.error();
    }

    auto turns = to_turns(in, messages);
    if (turns.front().from != speaker::system) {
        turns.insert(turns.begin(), turn{speaker::system, {}});
    }
    turns.front().body = system_body(how, std::move(turns.front().body), tools, has_tools);

    rendered_prompt prompt;
    const bool can_be_off = !in.no_think_switch.empty();
    const bool off = can_be_off && thinking == thinking_mode::off;
    prompt.thinking = in.thinks && !how.package_forbids_thinking && !off;
    prompt.starts_in_thinking = prompt.thinking && in.may_start_in_thinking;
    if (in.thinks && off && !how.package_forbids_thinking) {
        append_switch(turns.back().body, in.no_think_switch);
    }

    const auto first_user =
        std::find_if(turns.begin(), turns.end(), [](const turn& one) { return one.from == speaker::user; });
    prompt.system = splice(in, std::span(turns.begin(), first_user));
    prompt.turns = splice(in, std::span(first_user, turns.end()));
    return prompt;
}

}  // namespace corral::chat
