#pragma once
// Which form a prompt takes. Wrapped is the rule: every backend of a wrapping service supports it, and the
// vendor tested it. Verbatim only where the wrapped form can't do the job.

#include "corral/chat/render.hpp"

namespace corral::chat {

enum class prompt_form { wrapped, verbatim };

struct prompt_need {
    bool open_answer = false;  // the last message is an answer to be continued
    bool no_question = false;  // there is no message of a user or tool
    bool tools = false;
    thinking_mode thinking = thinking_mode::model_default;
    bool images = false;  // which no text can hold
};

// Refuses a need without a wrapped form where the prompt may not be verbatim. A need that a wrapped prompt
// meets less well (thinking that a package forbids, thinking off, tools without their lead) stays
// wrapped there.
[[nodiscard]] core::result<prompt_form> choose_form(const render_options& options, const prompt_need& need);

// Whether a prompt of that form makes the model think.
[[nodiscard]] bool expects_thinking(const render_options& options, prompt_form form, thinking_mode wanted);

}  // namespace corral::chat
