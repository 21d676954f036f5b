#include "package/readers/reader.hpp"

#include <algorithm>
#include <array>

#include "corral/package/model_naming.hpp"
#include "package/files/json_document.hpp"
#include "package/readers/axera.hpp"

namespace corral::package {

namespace {

using catalog::severity;
using catalog::variable_kind;
using catalog::variable_spec;

constexpr std::size_t config_bytes = 64 * 1024;
constexpr std::uint64_t layer_bytes = 1024 * 1024;  // docs/facts/vendor_ax.md#bad-files
constexpr std::uint64_t most_rows = std::uint64_t{16} * 1024 * 1024;

constexpr std::array<std::string_view, 3> picture_flags{"--filename_image_encoder_axmodedl",
                                                        "--filename_vpm_encoder_axmodedl",
                                                        "--filename_vpm_resampler_axmodedl"};
constexpr std::array<std::string_view, 2> old_tokenizers{"_tokenizer.py", "_tokenizer_images.py"};

// The same files as those of every Axera package, for whoever names them. `named` are flags of run scripts.
void check_model_files(const package_view& view, const std::vector<flag_word>& named, reading& to) {
    std::vector<variable_spec> specs;
    std::map<std::string, std::string> values;
    const auto add = [&](const char* flag, variable_spec spec) {
        const std::string* const value = find_flag(named, flag);
        if (value != nullptr && !value->empty()) {
            values[spec.name] = *value;
            specs.push_back(std::move(spec));
        }
    };
    const auto spec = [](const char* name, variable_kind kind) {
        variable_spec out;
        out.name = name;
        out.about = name;
        out.kind = kind;
        return out;
    };
    auto layers = spec("layer_files", variable_kind::numbered_files);
    layers.count = "layers";
    layers.least_bytes = layer_bytes;
    auto post = spec("post_file", variable_kind::file);
    post.least_bytes = layer_bytes;
    auto embedding = spec("embedding_file", variable_kind::file);
    embedding.bytes = {"vocabulary", "embedding_size", "2"};
    auto pictures = spec("picture_file", variable_kind::file);
    pictures.least_bytes = layer_bytes;
    std::uint32_t vocabulary = 0;
    if (const std::string* const rows = find_flag(named, "--tokens_embed_num")) {
        vocabulary = static_cast<std::uint32_t>(
            std::min<unsigned long long>(std::strtoull(rows->c_str(), nullptr, 10), most_rows));
    }
    if (vocabulary == 0 || find_flag(named, "--tokens_embed_size") == nullptr) {
        embedding.bytes.clear();
    }
    add("--axmodel_num", spec("layers", variable_kind::text));
    add("--tokens_embed_size", spec("embedding_size", variable_kind::text));
    add("--template_filename_axmodel", std::move(layers));
    add("--filename_post_axmodel", std::move(post));
    add("--filename_tokens_embed", std::move(embedding));
    add(picture_flags.front().data(), std::move(pictures));
    check_files(view, std::move(specs), std::move(values), vocabulary, to);
}

// By a script that starts one of the programs, else by the files.
std::vector<flag_word> words_of(const package_view& view) {
    const auto scripts = find_axera_scripts(view);
    const axera_build* const build = build_for(view.here);
    const axera_script* script = scripts.usable.empty() ? nullptr : &scripts.usable.front();
    if (build != nullptr) {
        script = nearest_script(scripts, *build, view);
    }
    return script != nullptr ? script->flags : find_axera_files(view).flags;
}

std::vector<naming_hint> folder_hint(const std::vector<flag_word>& words) {
    const std::string* const layers = find_flag(words, "--template_filename_axmodel");
    return layers == nullptr ? std::vector<naming_hint>{}
                             : std::vector<naming_hint>{
                                   {std::string(folder_name(*layers)), "the folder of the layer files"}};
}

bool has_axmodels(const package_view& view) {
    return !near_files(view, ".axmodel").empty();
}

std::vector<const node*> old_scripts(const package_view& view) {
    std::vector<const node*> out;
    for (const auto ending : old_tokenizers) {
        const auto found = top_files(view, ending);
        out.insert(out.end(), found.begin(), found.end());
    }
    return out;
}

bool is_legacy(const package_view& view) {
    return has_axmodels(view) && !old_scripts(view).empty();
}

void read_legacy(const package_view& view, reading& out) {
    const auto scripts = old_scripts(view);
    add_finding(out, severity::error,
                core::say("package.old-tokenizer", out.kind, shown(scripts.front()->path, 80)),
                scripts.front()->path);
    const auto words = words_of(view);
    check_model_files(view, words, out);
    name_after(view, folder_hint(words), out);
}

// A picture encoder of the package, by the words of its scripts or by names.
bool looks_at_pictures(const package_view& view) {
    for (const auto& script : find_axera_scripts(view).usable) {
        if (std::ranges::any_of(picture_flags, [&](std::string_view flag) {
                return find_flag(script.flags, std::string(flag)) != nullptr;
            })) {
            return true;
        }
    }
    const auto models = near_files(view, ".axmodel");
    return !top_files(view, "_tokenizer_images.py").empty() ||
           std::ranges::any_of(models, [](const node* one) {
               const auto name = file_name(one->path);
               return name.starts_with("vit") || name.starts_with("vpm") ||
                      name.find("image_encoder") != std::string_view::npos ||
                      name.find("vision") != std::string_view::npos;
           });
}

bool is_vision(const package_view& view) {
    return has_axmodels(view) && looks_at_pictures(view);
}

void read_vision(const package_view& view, reading& out) {
    say_not_served(out);
    const auto words = words_of(view);
    check_model_files(view, words, out);
    name_after(view, folder_hint(words), out);
}

std::optional<json_document> config_of(const package_view& view) {
    return json_document::parse(read_text(view, "config.json", config_bytes));
}

bool is_axllm(const package_view& view) {
    const auto config = config_of(view);
    return config && config->has("tokenizer_type") && config->has("template_filename_axmodel");
}

// docs/facts/other_runtimes.md#axllm-serve
void read_serving(const json_document& config, reading& out) {
    const auto says = [&config](const char* key) {
        return config.text(key) == "true" || config.text(key) == "1";
    };
    if (says("is_embedding") || says("embedding")) {
        out.model->capabilities = {"embedding"};
        out.origins["capabilities"] = "config.json, is_embedding";
    } else if (config.count("kv_cache_slots", most_rows).value_or(1) == 1) {
        out.notes.push_back(
            "\"kv_cache_slots\": 4 in config.json lets the server keep the beginnings of four conversations "
            "in "
            "place of one, at the cost of device memory; it takes fewer where that is short");
    }
}

void read_axllm(const package_view& view, reading& out) {
    const auto config = config_of(view);
    if (!config) {
        return;  // it was there a moment ago
    }
    std::vector<flag_word> words;
    for (const char* key : {"template_filename_axmodel", "axmodel_num", "filename_post_axmodel",
                            "filename_tokens_embed", "tokens_embed_num", "tokens_embed_size"}) {
        words.push_back({"--" + std::string(key), config->text(key)});
    }
    const std::string name = config->text("model_name");
    if (!config->count("axmodel_num", 1000)) {
        add_finding(out, severity::error, core::say("config.number", shown(config->text("axmodel_num"), 40)),
                    "config.json");
        return;
    }
    if (view.runtime == nullptr) {
        say_not_served(out);
        check_model_files(view, words, out);
    } else {
        out.model = new_model(view);
        if (const auto rows = config->count("tokens_embed_num", most_rows)) {
            out.model->context.vocabulary = static_cast<std::uint32_t>(*rows);
            out.origins["context.vocabulary"] = "config.json, tokens_embed_num";
        }
        fill_declared(view, *config, out);
        read_serving(*config, out);
    }
    name_after(view, {{name, "config.json, model_name"}}, out);
}

}  // namespace

package_kind axera_legacy_kind() {
    return {"an Axera package of the generation before the polling server", "", is_legacy, read_legacy};
}

package_kind axera_vision_kind() {
    return {"an Axera package of a model that looks at pictures", "", is_vision, read_vision};
}

package_kind axllm_kind() {
    return {"an Axera package for 'axllm serve'", "axllm", is_axllm, read_axllm};
}

}  // namespace corral::package
