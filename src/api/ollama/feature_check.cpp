#include "api/ollama/feature_check.hpp"

#include "api/json/go_text.hpp"
#include "api/models/capability_check.hpp"

namespace corral::api::ollama {

void check_abilities(const generation::served_model& model, const common_fields& asked, const char* activity,
                     decode_problem& problem) {
    const std::string typed = go_quoted(asked.model);
    if (asked.think.value == think_value::on && !has_capability(model, "thinking")) {
        problem.set(typed + " does not support thinking");
    }
    if (!has_capability(model, "completion")) {
        problem.set(typed + " does not support " + activity);
    }
}

void check_answer_wishes(const common_fields& asked, decode_problem& problem) {
    if (asked.debug_render_only) {
        problem.set("_debug_render_only is not supported: this server does not show rendered prompts");
    }
    if (asked.logprobs) {
        problem.set("logprobs is not supported: this runtime tells no probabilities");
    }
    check_format(asked.format, problem);
}

chat::thinking_mode thinking_for(const generation::served_model& model, think_value asked) {
    return asked == think_value::off ? chat::thinking_mode::off : default_thinking(model);
}

}  // namespace corral::api::ollama
