// The folder in which hailo-ollama keeps its models (docs/facts/other_runtimes.md#hailo-ollama).

#include "package/readers/reader.hpp"

#include <algorithm>

#include "package/files/json_document.hpp"

namespace corral::package {

namespace {

using catalog::severity;

constexpr std::string_view manifests = "models/manifests/";
constexpr std::string_view manifest_name = "/manifest.json";
constexpr std::string_view folder_it_looks_for = "hailo-ollama";
constexpr std::size_t manifest_bytes = 64UL * 1024;

struct hailo_model {
    std::string name;  // as clients of that server write it: "qwen2:1.5b"
    std::string quantization;
};

bool is_manifest(const node& one) {
    return one.path.starts_with(manifests) && one.path.ends_with(manifest_name);
}

bool is_hailo(const package_view& view) {
    return std::ranges::any_of(all_files(view, manifest_name),
                               [](const node* one) { return is_manifest(*one); });
}

// Those whose file was pulled: the manifests of all that there are come with the server.
std::vector<hailo_model> pulled_models(const package_view& view) {
    std::vector<hailo_model> out;
    for (const node* one : all_files(view, manifest_name)) {
        const auto said = is_manifest(*one) ? json_document::parse(read_text(view, one->path, manifest_bytes))
                                            : std::nullopt;
        if (!said || !has_file(view, "models/blob/sha256_" + said->text("hef_h10h"))) {
            continue;
        }
        std::string name = one->path.substr(manifests.size());
        name.resize(name.size() - manifest_name.size());
        if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
            name[slash] = ':';
            out.push_back({name, said->text("details.quantization_level")});
        }
    }
    return out;
}

void read_hailo(const package_view& view, reading& out) {
    if (view.runtime == nullptr) {
        say_not_served(out);
        return;
    }
    const auto pulled = pulled_models(view);
    if (pulled.empty()) {
        add_finding(out, severity::error, core::say("package.incomplete/pulled"), {},
                    core::say("package.incomplete/why-pulled"), core::say("package.incomplete/do-pull"));
        return;
    }
    if (view.tree.folder().filename() != folder_it_looks_for) {
        add_finding(out, severity::error, core::say("package.incomplete/own-name"), {},
                    core::say("package.incomplete/why-name"), core::say("package.incomplete/do-name"));
        return;
    }
    out.model = new_model(view);
    out.model->variables["model_name"] = pulled.front().name;
    out.origins["variables.model_name"] = "models/manifests, the first of which the file is there";
    for (std::size_t i = 1; i < pulled.size(); ++i) {
        out.notes.push_back("also there: " + shown(pulled[i].name, 80) +
                            "; another manifest with that model_name serves it");
    }
    const std::string where = "its folders in models/manifests";
    name_after(view, {{pulled.front().name, where}, {pulled.front().quantization, where}}, out);
}

}  // namespace

package_kind hailo_kind() {
    return {"a folder of models for hailo-ollama", "hailo-ollama", is_hailo, read_hailo};
}

}  // namespace corral::package
