#include "api/ollama/feature_check.hpp"

#include "api/ascii_text.hpp"
#include "api/json_writer.hpp"
#include "api/ollama/model_lookup.hpp"

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

void check_features(const catalog::model_entry& entry, const common_fields& asked, const char* activity,
                    decode_problem& problem) {
    const std::string typed = "\"" + asked.model + "\"";
    if (!has_capability(entry, "completion")) {
        problem.set(typed + " does not support " + activity);
    }
    if (asked.think == think_value::on && !has_capability(entry, "thinking")) {
        problem.set(typed + " does not support thinking");
    }
    if (asked.logprobs) {
        problem.set("logprobs is not supported: this runtime tells no probabilities");
    }
    check_format(asked.format, problem);
}

void check_tools(const catalog::model_entry& entry, const nlohmann::ordered_json& tools,
                 decode_problem& problem) {
    if (!tools.is_null() && !has_capability(entry, "tools")) {
        problem.set(long_name(entry) + " does not support tools");
    }
}

void refuse_images(const catalog::model_entry& entry, bool has_images, decode_problem& problem) {
    if (has_images) {
        problem.set(long_name(entry) + " does not support images");
    }
}

chat::thinking_mode thinking_for(const catalog::model_entry& entry, think_value asked) {
    if (asked == think_value::off) {
        return chat::thinking_mode::off;
    }
    return has_capability(entry, "thinking") ? chat::thinking_mode::on : chat::thinking_mode::model_default;
}

}  // namespace corral::api::ollama
