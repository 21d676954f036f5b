#include "corral/engine/shown_model.hpp"

#include <charconv>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include "corral/catalog/trait_numbers.hpp"
#include "corral/chat/family.hpp"
#include "corral/core/stated_number.hpp"
#include "corral/package/gguf_header.hpp"

namespace corral::engine {

namespace {

std::string architecture_in(const model_facts* facts) {
    if (facts == nullptr) {
        return {};
    }
    const auto named = facts->info.find("general.architecture");
    return named != facts->info.end() && named->is_string() ? named->get<std::string>() : std::string();
}

}  // namespace

model_files files_of(const catalog::model_entry& model) {
    const auto named = [&model](const char* variable) {
        const auto file = model.variables.find(variable);
        const bool is_file = file != model.variables.end() && file->second.ends_with(".gguf");
        return is_file ? (model.package / file->second).string() : std::string();
    };
    return {named("model_file"), named("projector")};
}

std::shared_ptr<const file_facts> facts_in(const model_files& files, bool verbose) {
    const auto detail = verbose ? package::gguf_detail::all : package::gguf_detail::usual;
    auto header = files.model.empty() ? std::nullopt : package::read_gguf(files.model, detail);
    if (!header) {
        return nullptr;
    }
    auto out = std::make_shared<file_facts>();
    out->format = "gguf";
    out->quantization = header->file_type;
    out->info = std::move(header->shown);
    out->tensors = std::move(header->tensors);
    const auto count = out->info.find("general.parameter_count");
    if (count != out->info.end() && count->is_number_unsigned()) {
        out->parameter_size = package::parameter_words(count->get<std::uint64_t>());
    }
    if (auto eyes = files.projector.empty() ? std::nullopt : package::read_gguf(files.projector, detail)) {
        out->projector = std::move(eyes->shown);
    }
    return out;
}

core::awaitable<void> look_into(core::disk_work* disk, model_files files, bool verbose,
                                std::shared_ptr<std::shared_ptr<const file_facts>> to, core::deadline until) {
    if (files.model.empty()) {
        co_return;
    }
    std::function<std::shared_ptr<const file_facts>()> work = [files, verbose] {
        return facts_in(files, verbose);
    };
    auto looking = disk->run(files.model, std::move(work), until);
    const auto found = co_await std::move(looking);
    if (found) {
        *to = *found;
    }
}

void fill_from_file(stated_model& to, std::shared_ptr<const model_facts> facts) {
    if (facts != nullptr && to.parameter_size.empty()) {
        to.parameter_size = facts->parameter_size;
        to.quantization = facts->quantization;
        const std::string length = architecture_in(facts.get()) + ".embedding_length";
        to.embedding_length = core::stated_count(facts->info, length.c_str()).value_or(0);
    }
    to.facts = std::move(facts);
}

std::string architecture_of(const catalog::model_entry& model, const stated_model& stated) {
    std::string architecture = architecture_in(stated.facts.get());
    return architecture.empty() ? model.family : architecture;
}

std::string parameter_size_of(const catalog::model_entry& model, const stated_model& stated) {
    return model.parameter_size.empty() ? stated.parameter_size : model.parameter_size;
}

std::uint32_t embedding_length_of(const catalog::model_entry& model, const stated_model& stated) {
    const std::uint32_t configured = catalog::embedding_length_of(model);
    return configured > 0 ? configured : stated.embedding_length;
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

nlohmann::ordered_json shown_info(const catalog::model_entry& model, const stated_model& stated,
                                  std::string_view basename, std::uint32_t context) {
    nlohmann::json info = stated.facts == nullptr ? nlohmann::json::object() : stated.facts->info;
    const auto add = [&info](const std::string& key, const nlohmann::json& value) {
        if (!info.contains(key)) {
            info[key] = value;
        }
    };
    const std::string architecture = architecture_of(model, stated);
    info["general.architecture"] = architecture;
    info["general.basename"] = basename;
    if (const std::string size = parameter_size_of(model, stated); parameter_count(size) > 0) {
        add("general.parameter_count", parameter_count(size));
        add("general.size_label", size);
    }
    add("general.type", "model");
    if (context > 0) {
        info[architecture + ".context_length"] = context;
    }
    if (const std::uint32_t length = embedding_length_of(model, stated); length > 0) {
        add(architecture + ".embedding_length", length);
    }
    if (model.context.vocabulary > 0) {
        add(architecture + ".vocab_size", model.context.vocabulary);
    }
    return info;
}

nlohmann::ordered_json shown_parameters(const catalog::model_entry& model,
                                        const nlohmann::ordered_json& own) {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    const catalog::sampling_defaults& sampling = model.sampling;
    const catalog::sampling_defaults usual;
    const auto add = [&out](const char* name, auto value, auto everywhere) {
        if (value != everywhere) {
            out[name] = value;
        }
    };
    add("temperature", sampling.temperature, usual.temperature);
    add("top_k", sampling.top_k, usual.top_k);
    add("top_p", sampling.top_p, usual.top_p);
    add("repeat_penalty", sampling.repeat_penalty, usual.repeat_penalty);
    for (const auto& [name, value] : own.items()) {
        out[name] = value;
    }
    const chat::family* family = chat::find_family(model.family);
    if (family != nullptr && !family->end_texts.empty() && !out.contains("stop")) {
        for (const std::string_view text : family->end_texts) {
            out["stop"].push_back(std::string(text));
        }
    }
    return out;
}

}  // namespace corral::engine
