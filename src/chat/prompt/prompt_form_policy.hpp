#pragma once
// Which form a prompt takes. Wrapped is the rule, for it is what every backend of a wrapping service can
// carry out and what the vendor tried; verbatim only where the wrapped form can't do the job.

#include "corral/chat/render.hpp"

namespace corral::chat {

enum class prompt_form { wrapped, verbatim };

struct prompt_need {
    bool open_answer = false;  // the last message is an answer that the model shall go on with
    bool no_question = false;  // nobody but the system and the model have spoken
    bool tools = false;
    thinking_mode thinking = thinking_mode::model_default;
};

// Refuses what has no wrapped form where the prompt may not be verbatim. What a wrapped prompt only does less
// well (thinking that a package forbids or that has no switch, tools without their lead) stays wrapped there.
[[nodiscard]] core::result<prompt_form> choose_form(const render_options& how, const prompt_need& need);

// Whether a prompt of that form makes the model think.
[[nodiscard]] bool expects_thinking(const render_options& how, prompt_form form, thinking_mode wanted);

}  // namespace corral::chat
