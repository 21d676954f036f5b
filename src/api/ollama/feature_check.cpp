#include "api/ollama/feature_check.hpp"

#include "api/ascii_text.hpp"
#include "api/capability_check.hpp"
#include "api/json_writer.hpp"

namespace corral::api::ollama {

namespace {

void check_format(const nlohmann::ordered_json& format, decode_problem& problem) {
    if (format.is_null()) {
        return;
    }
    if (format.is_object() || format == "json") {
        problem.set("format is not supported: this server can't hold the model to a JSON format");
        return;
    }
    json_writer raw;
    raw.tree(format);
    problem.set(
        "invalid format: " + go_quoted(raw.take()) + R"(; expected "json" or a valid JSON Schema object)",
        500);
}

}  // namespace

void check_features(const served_model& model, const common_fields& asked, const char* activity,
                    decode_problem& problem) {
    const std::string typed = "\"" + asked.model + "\"";
    if (!has_capability(*model.entry, "completion")) {
        problem.set(typed + " does not support " + activity);
    }
    if (asked.think == think_value::on && !has_capability(*model.entry, "thinking")) {
        problem.set(typed + " does not support thinking");
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
