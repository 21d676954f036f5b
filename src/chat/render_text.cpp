// Prompts that are no conversation.

#include <string>
#include <utility>

#include "chat/template_prompt.hpp"
#include "corral/chat/render.hpp"

namespace corral::chat {

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
