#include "chat/prompt/prompt_form_policy.hpp"

namespace corral::chat {

namespace {

// Only models that know the switch heed a package's script that appends it.
bool package_forbids(const render_options& how) {
    return how.package_forbids_thinking && !how.format->no_think_switch.empty();
}

bool better_verbatim(const render_options& how, const prompt_need& need) {
    const family& in = *how.format;
    if (in.thinks && need.thinking == thinking_mode::on && package_forbids(how)) {
        return true;
    }
    const bool no_switch = in.no_think_switch.empty() && !in.thinking_skipped.empty();
    if (in.thinks && need.thinking == thinking_mode::off && no_switch) {
        return true;
    }
    return need.tools && !in.tools_lead.empty();
}

}  // namespace

core::result<prompt_form> choose_form(const render_options& how, const prompt_need& need) {
    if (how.may_be_verbatim) {
        const bool needed = need.open_answer || need.no_question || !how.prompt_template.empty();
        return needed || better_verbatim(how, need) ? prompt_form::verbatim : prompt_form::wrapped;
    }
    if (need.no_question) {
        return core::make_failure(core::errc::refused,
                                  "the conversation has no user message, so there is nothing to answer");
    }
    if (need.open_answer) {
        return core::make_failure(core::errc::refused,
                                  "the conversation ends with an assistant message, and this runtime can't "
                                  "continue one; end it with a user message");
    }
    if (!how.prompt_template.empty()) {
        return core::make_failure(core::errc::refused,
                                  "this runtime can't use a prompt template: it puts "
                                  "every prompt into the model's chat format itself");
    }
    return prompt_form::wrapped;
}

bool expects_thinking(const render_options& how, prompt_form form, thinking_mode wanted) {
    const family& in = *how.format;
    if (!in.thinks) {
        return false;
    }
    if (form == prompt_form::wrapped) {
        const bool off = wanted == thinking_mode::off && !in.no_think_switch.empty();
        return !off && !package_forbids(how);
    }
    // A package that forbids is not asked, but what it does is what its model does by default.
    const bool off =
        wanted == thinking_mode::off || (wanted == thinking_mode::model_default && package_forbids(how));
    return !off || in.thinking_skipped.empty();
}

}  // namespace corral::chat
