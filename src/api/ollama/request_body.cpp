#include "api/ollama/request_body.hpp"

#include "api/json/json_input.hpp"
#include "api/ollama/keep_alive.hpp"

namespace corral::api::ollama {

nlohmann::ordered_json read_body(std::string_view body, std::string_view go_type, decode_problem& problem) {
    auto tree = read_json(body, request_limits(), problem.memory);
    if (!tree) {
        problem.set(tree.error());
        return nlohmann::ordered_json::object();
    }
    if (tree->is_null()) {
        return nlohmann::ordered_json::object();
    }
    if (!tree->is_object()) {
        problem.set("json: cannot unmarshal " + std::string(kind_word(*tree)) +
                    " into Go value of type api." + std::string(go_type));
        return nlohmann::ordered_json::object();
    }
    return std::move(*tree);
}

nlohmann::ordered_json read_small_body(std::string_view body, std::string_view go_type,
                                       decode_problem& problem) {
    constexpr std::size_t most = 64 * 1024;
    if (body.size() > most) {
        problem.set("the body of this request may have at most " + std::to_string(most) + " bytes", 413);
        return nlohmann::ordered_json::object();
    }
    return read_body(body, go_type, problem);
}

std::string read_model_name(const json_fields& fields) {
    std::string model = fields.text("model").value_or("");
    std::string name = fields.text("name").value_or("");
    return model.empty() ? name : model;
}

common_fields read_common(const json_fields& fields) {
    common_fields out;
    out.model = fields.text("model").value_or("");
    out.stream = fields.boolean("stream").value_or(true);
    out.truncate = fields.boolean("truncate").value_or(true);
    static_cast<void>(fields.boolean(
        "shift"));  // these runtimes don't shift; an answer that fills the context ends by length
    out.logprobs = fields.boolean("logprobs").value_or(false);
    out.debug_render_only = fields.boolean("_debug_render_only").value_or(false);
    out.keep_alive = read_keep_alive(fields);
    out.think = read_think(fields);
    if (const auto* format = fields.find("format")) {
        const bool empty = format->is_string() && format->get_ref<const std::string&>().empty();
        out.format = empty ? nlohmann::ordered_json(nullptr) : *format;
    }
    if (const auto* options = fields.object("options", "map[string]interface {}")) {
        out.options = *options;
    }
    const auto top = fields.integer("top_logprobs");
    if (top && (*top < 0 || *top > 20)) {
        fields.problem().set("top_logprobs must be between 0 and 20");
    }
    return out;
}

}  // namespace corral::api::ollama
