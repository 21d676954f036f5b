#include "api/ollama/model_details.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "api/json/go_text.hpp"
#include "api/models/capability_check.hpp"
#include "api/models/role_word.hpp"
#include "corral/catalog/trait_numbers.hpp"
#include "corral/chat/family.hpp"

namespace corral::api::ollama {

namespace {

struct parameter {
    std::string name;
    nlohmann::ordered_json value;  // no list
};

// A list is as many parameters of one name.
void append(std::vector<parameter>& to, const std::string& name, const nlohmann::ordered_json& value) {
    if (!value.is_array()) {
        to.push_back({name, value});
        return;
    }
    for (const auto& each : value) {
        to.push_back({name, each});
    }
}

std::vector<parameter> parameters_of(const generation::served_model& model) {
    const catalog::sampling_defaults& sampling = model.entry->sampling;
    nlohmann::ordered_json all = nlohmann::ordered_json::object();
    // What every model has is no parameter of this one.
    const catalog::sampling_defaults usual;
    const auto add = [&all](const char* name, auto value, auto everywhere) {
        if (value != everywhere) {
            all[name] = value;
        }
    };
    add("temperature", sampling.temperature, usual.temperature);
    add("top_k", sampling.top_k, usual.top_k);
    add("top_p", sampling.top_p, usual.top_p);
    add("repeat_penalty", sampling.repeat_penalty, usual.repeat_penalty);
    if (model.variant != nullptr) {
        for (const auto& [name, value] : model.variant->parameters.items()) {
            all[name] = value;
        }
    }
    const chat::family* family = chat::find_family(model.entry->family);
    if (family != nullptr && !family->end_texts.empty() && !all.contains("stop")) {
        for (const std::string_view text : family->end_texts) {
            all["stop"].push_back(std::string(text));
        }
    }
    std::vector<parameter> out;
    for (const auto& [name, value] : all.items()) {
        append(out, name, value);
    }
    return out;
}

std::string plain(const nlohmann::ordered_json& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    json_writer json;
    json.tree(value);
    return json.take();
}

// As a Modelfile quotes: only what a line could not hold as it is.
std::string quoted(const std::string& text) {
    const bool as_it_is =
        text.find('\n') == std::string::npos && !text.starts_with(' ') && !text.ends_with(' ');
    if (as_it_is) {
        return text;
    }
    const std::string mark = text.find('"') == std::string::npos ? "\"" : "\"\"\"";
    return mark + text + mark;
}

void add_line(std::string& to, std::string_view command, const std::string& text) {
    if (!text.empty()) {
        to.append(command).append(" ").append(quoted(text)).append("\n");
    }
}

}  // namespace

std::string architecture_of(const generation::served_model& model) {
    const engine::stated_model stated = model.runtime->stated();
    if (stated.facts != nullptr) {
        const auto told = stated.facts->info.find("general.architecture");
        if (told != stated.facts->info.end() && told->is_string()) {
            return told->get<std::string>();
        }
    }
    return model.entry->family;
}

std::string parameter_size_of(const generation::served_model& model) {
    const std::string& said = model.entry->parameter_size;
    return said.empty() ? model.runtime->stated().parameter_size : said;
}

void write_details(json_writer& json, const generation::served_model& model, bool lengths) {
    const catalog::model_entry& entry = *model.entry;
    const engine::stated_model stated = model.runtime->stated();
    const bool told = stated.facts != nullptr && !stated.facts->format.empty();
    json.key("details").begin_object();
    json.member("parent_model", model.variant == nullptr ? "" : entry.name)
        .member("format", told ? stated.facts->format : entry.runtime.name);
    const std::string family = architecture_of(model);
    json.member("family", family).key("families").begin_array().text(family).end_array();
    json.member("parameter_size", parameter_size_of(model));
    json.member("quantization_level", entry.quantization.empty() ? stated.quantization : entry.quantization);
    if (lengths && shown_context(model) > 0) {
        json.count("context_length", shown_context(model));
    }
    if (lengths && shown_embedding_length(model) > 0) {
        json.count("embedding_length", shown_embedding_length(model));
    }
    json.end_object();
}

std::string shown_digest(const generation::served_model& model) {
    std::string digest = model.digest;
    if (digest.empty() && model.variant == nullptr) {
        digest = model.runtime->stated().digest;
    }
    digest.resize(64, '0');
    return digest;
}

std::uint32_t shown_embedding_length(const generation::served_model& model) {
    const std::uint32_t configured = catalog::embedding_length_of(*model.entry);
    return configured > 0 ? configured : model.runtime->stated().embedding_length;
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

std::string system_of(const generation::served_model& model) {
    const bool own = model.variant != nullptr && !model.variant->system.empty();
    return own ? model.variant->system : model.entry->default_system;
}

std::string template_of(const generation::served_model& model) {
    if (model.variant != nullptr && !model.variant->prompt_template.empty()) {
        return model.variant->prompt_template;
    }
    const chat::family* family = chat::find_family(model.entry->family);
    if (family == nullptr || !has_capability(model, "completion")) {
        return "{{ .Prompt }}";
    }
    const chat::shown_parts what{has_capability(model, "tools"), has_capability(model, "insert")};
    return chat::shown_template(*family, what);
}

std::string parameter_lines(const generation::served_model& model) {
    constexpr std::size_t columns = 30;
    std::string out;
    for (const parameter& each : parameters_of(model)) {
        std::string name = each.name;
        name.resize(std::max(columns, name.size()), ' ');
        out.append(out.empty() ? "" : "\n").append(name).append(" ");
        out.append(each.value.is_string() ? go_quoted(plain(each.value)) : plain(each.value));
    }
    return out;
}

std::string modelfile_text(const generation::served_model& model) {
    std::string out =
        "# Modelfile generated by \"ollama show\"\n# To build a new Modelfile based on this, replace FROM "
        "with:\n# FROM ";
    out.append(model.name).append("\n\nFROM ").append(model.entry->name).append("\n");
    add_line(out, "TEMPLATE", template_of(model));
    add_line(out, "SYSTEM", system_of(model));
    for (const parameter& each : parameters_of(model)) {
        add_line(out, "PARAMETER " + each.name, plain(each.value));
    }
    if (model.variant != nullptr) {
        add_line(out, "LICENSE", model.variant->license);
        for (const chat::message& each : model.variant->messages) {
            add_line(out, std::string("MESSAGE ") + role_word(each.from), each.content);
        }
    }
    return out;
}

}  // namespace corral::api::ollama
