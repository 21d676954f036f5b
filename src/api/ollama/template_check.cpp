#include "api/ollama/template_check.hpp"

#include "corral/chat/render.hpp"

namespace corral::api::ollama {

// Tried on the smallest conversation, so that a broken one is heard of now.
void check_template(const generation::served_model& model, const std::string& text, unsigned status,
                    decode_problem& problem) {
    chat::render_options how;
    how.format = chat::find_family(model.entry->family);
    if (text.empty() || how.format == nullptr) {
        return;
    }
    how.may_be_verbatim = true;
    how.prompt_template = text;
    chat::message hello;
    hello.content = "x";
    const auto rendered = chat::render(how, {hello}, nullptr, chat::thinking_mode::model_default);
    if (!rendered) {
        problem.set(rendered.error().message, status);
    }
}

}  // namespace corral::api::ollama
