#include "chat/prompt/prompt_form_policy.hpp"

#include "corral/core/say.hpp"

namespace corral::chat {

namespace {

// A package's script appends the switch; only models that know the switch heed it.
bool package_forbids(const render_options& options) {
    return options.package_forbids_thinking && !options.format->no_think_switch.empty();
}

bool better_verbatim(const render_options& options, const prompt_need& need) {
    const family& format = *options.format;
    if (format.thinks && need.thinking == thinking_mode::on && package_forbids(options)) {
        return true;
    }
    // By a switch the model would write the empty block itself, at the expense of the client's stops and limits.
    // A server of chat messages has its own way.
    const bool off = format.thinks && !format.thinking_skipped.empty() &&
                     !expects_thinking(options, prompt_form::verbatim, need.thinking);
    if (off && (!options.as_messages || format.no_think_switch.empty())) {
        return true;
    }
    return need.tools && !format.tools_lead.empty();
}

}  // namespace

core::result<prompt_form> choose_form(const render_options& options, const prompt_need& need) {
    if (options.may_be_verbatim && !need.images) {
        const bool needed = need.open_answer || need.no_question || !options.prompt_template.empty();
        return needed || better_verbatim(options, need) ? prompt_form::verbatim : prompt_form::wrapped;
    }
    if (need.no_question) {
        return core::make_failure(core::errc::refused, core::say("request.conversation/conversation-user"));
    }
    if (need.open_answer) {
        return core::make_failure(core::errc::refused, core::say("request.conversation/conversation-ends"));
    }
    if (!options.prompt_template.empty()) {
        return core::make_failure(core::errc::refused, core::say("request.conversation/model-use"));
    }
    return prompt_form::wrapped;
}

bool expects_thinking(const render_options& options, prompt_form form, thinking_mode wanted) {
    const family& format = *options.format;
    if (!format.thinks) {
        return false;
    }
    if (form == prompt_form::wrapped) {
        const bool off = wanted == thinking_mode::off && !format.no_think_switch.empty();
        return !off && !package_forbids(options);
    }
    // A verbatim prompt bypasses the package's script, but keeps its choice as the model's default.
    const bool off =
        wanted == thinking_mode::off || (wanted == thinking_mode::model_default && package_forbids(options));
    return !off || format.thinking_skipped.empty();
}

}  // namespace corral::chat
