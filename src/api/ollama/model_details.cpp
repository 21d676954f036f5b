#include "api/ollama/model_details.hpp"

#include <charconv>
#include <cmath>

#include "api/models/capability_check.hpp"
#include "corral/generation/readiness.hpp"

namespace corral::api::ollama {

void write_details(json_writer& json, const generation::served_model& model, bool lengths) {
    const catalog::model_entry& entry = *model.entry;
    json.key("details").begin_object();
    json.member("parent_model", model.variant == nullptr ? "" : entry.name)
        .member("format", entry.runtime.name);
    json.member("family", entry.family).key("families").begin_array().text(entry.family).end_array();
    json.member("parameter_size", entry.parameter_size).member("quantization_level", entry.quantization);
    if (lengths && shown_context(model) > 0) {
        json.count("context_length", shown_context(model));
    }
    json.end_object();
}

void write_capabilities(json_writer& json, const generation::served_model& model) {
    json.key("capabilities").begin_array();
    for (const std::string& each : capabilities_of(model)) {
        json.text(each);
    }
    json.end_array();
}

std::string shown_digest(const generation::served_model& model) {
    std::string digest = model.digest;
    digest.resize(64, '0');
    return digest;
}

std::uint32_t shown_context(const generation::served_model& model) {
    const std::uint32_t stated = generation::context_length_of(model);
    return stated > 0 ? stated : model.entry->context.positions;
}

std::uint64_t parameter_count(std::string_view size) {
    double number = 0;
    const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), number);
    if (error != std::errc{} || number < 0 || number > 1e6) {
        return 0;
    }
    const std::string_view unit(end, static_cast<std::size_t>(size.data() + size.size() - end));
    double scale = 1;
    if (unit == "B" || unit == "b") {
        scale = 1e9;
    } else if (unit == "M" || unit == "m") {
        scale = 1e6;
    } else if (unit == "K" || unit == "k") {
        scale = 1e3;
    }
    return static_cast<std::uint64_t>(std::llround(number * scale));
}

}  // namespace corral::api::ollama
