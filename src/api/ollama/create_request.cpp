#include "api/ollama/create_request.hpp"

#include <utility>

#include "api/models/model_parameters.hpp"
#include "api/ollama/request_body.hpp"
#include "api/request_start.hpp"

namespace corral::api::ollama {

namespace {

// One text or several; Ollama takes no notice of anything else.
std::string read_license(const json_fields& fields) {
    const auto* license = fields.find("license");
    std::string out;
    if (license == nullptr) {
        return out;
    }
    if (license->is_string()) {
        return license->get<std::string>();
    }
    if (license->is_array()) {
        for (const auto& each : *license) {
            if (each.is_string()) {
                out += (out.empty() ? "" : "\n") + each.get<std::string>();
            }
        }
    }
    return out;
}

std::string find_unsupported(const json_fields& fields) {
    for (const char* key : {"files", "adapters"}) {
        const auto* files = fields.object(key, "map[string]string");
        if (files != nullptr && !files->empty()) {
            return key;
        }
    }
    for (const char* key : {"quantize", "quantization"}) {
        if (!fields.text(key).value_or("").empty()) {
            return key;
        }
    }
    return {};
}

}  // namespace

create_request read_create(std::string_view body, decode_problem& problem) {
    const nlohmann::ordered_json tree = read_object(body, "api.CreateRequest", problem);
    const json_fields fields(tree, "CreateRequest", problem);
    create_request out;
    out.model = read_model_name(fields);
    out.stream = fields.boolean("stream").value_or(true);
    out.from = fields.text("from").value_or("");
    out.system = fields.text("system").value_or("");
    out.prompt_template = fields.text("template").value_or("");
    out.license = read_license(fields);
    if (const auto* parameters = fields.object("parameters", "map[string]interface {}")) {
        out.parameters = *parameters;
    }
    out.messages = read_messages(fields);
    out.unsupported = find_unsupported(fields);
    return out;
}

generation::model_variant content_of(create_request asked, const generation::served_model& base,
                                     decode_problem& problem) {
    generation::model_variant out = base.variant == nullptr ? generation::model_variant{} : *base.variant;
    const auto replace = [](std::string& old, std::string& with) {
        if (!with.empty()) {
            old = std::move(with);
        }
    };
    replace(out.system, asked.system);
    replace(out.prompt_template, asked.prompt_template);
    replace(out.license, asked.license);
    if (!asked.messages.all.empty()) {
        out.messages = std::move(asked.messages.all);
    }
    for (auto& [name, value] : asked.parameters.items()) {
        if (!value.is_null()) {
            out.parameters[name] = std::move(value);
        }
    }
    out.sampling = {};
    out.limits = {};
    read_parameters(out.parameters, out.sampling, out.limits, problem);
    return out;
}

}  // namespace corral::api::ollama
