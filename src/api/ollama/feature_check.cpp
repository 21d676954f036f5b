#include "api/ollama/feature_check.hpp"

#include "api/ascii_text.hpp"
#include "api/capability_check.hpp"
#include "api/json_writer.hpp"

namespace corral::api::ollama {

namespace {

// Whether the schema can be kept to is the generation path's to say.
void check_format(const nlohmann::ordered_json& format, decode_problem& problem) {
    if (format.is_null() || format.is_object() || format == "json") {
        return;
    }
    json_writer raw;
    raw.tree(format);
    problem.set(
        "invalid format: " + go_quoted(raw.take()) + R"(; expected "json" or a valid JSON Schema object)",
        500);
}

}  // namespace

void check_abilities(const served_model& model, const common_fields& asked, const char* activity,
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

chat::thinking_mode thinking_for(const served_model& model, think_value asked) {
    return asked == think_value::off ? chat::thinking_mode::off : default_thinking(model);
}

}  // namespace corral::api::ollama
