#include "corral/package/package_reader.hpp"

#include <algorithm>

#include "corral/catalog/model_name.hpp"
#include "corral/core/text.hpp"
#include "corral/package/package_tree.hpp"
#include "package/readers/reader.hpp"

namespace corral::package {

namespace {

namespace fs = std::filesystem;
using catalog::severity;

constexpr std::size_t most_folders_tried = 20;

const package_kind* kind_of(const package_view& view) {
    const auto& kinds = package_kinds();
    const auto found =
        std::ranges::find_if(kinds, [&](const package_kind& one) { return one.recognise(view); });
    return found == kinds.end() ? nullptr : &*found;
}

// People name the folder above just as often.
std::string package_inside(const package_tree& tree, const machine& here) {
    std::size_t tried = 0;
    for (const node& one : tree.entries()) {
        if (one.kind != node_kind::folder || one.path.find('/') != std::string::npos ||
            ++tried > most_folders_tried) {
            continue;
        }
        const fs::path folder = tree.folder() / one.path;
        const auto inner = package_tree::open(folder);
        if (inner && kind_of({*inner, here, nullptr}) != nullptr) {
            return folder.string();
        }
    }
    return {};
}

void say_unknown(const package_tree& tree, const machine& here, reading& out) {
    const std::string inside = package_inside(tree, here);
    const std::string shown_folder = shown(tree.folder().string());
    std::string fix = "Name the folder that holds the model files and the run scripts.";
    if (const auto word = inside.empty() ? std::nullopt : core::word_to_paste(inside)) {
        fix = "There is a package inside; try: corral import " + *word;
    }
    const std::string what =
        tree.entries().empty() ? " is empty." : " is no package of a kind that Corral knows.";
    add_finding(
        out, "package.unknown", severity::error, "", shown_folder + what,
        "Known are Axera packages (*.axmodel with scripts), axllm, hailo-ollama, RKLLM, GGUF, MindIE and "
        "safetensors folders.",
        fix);
}

void set_name(const read_options& how, reading& out) {
    if (!how.name || !out.model) {
        return;
    }
    if (auto name = catalog::display_name(*how.name)) {
        out.model->name = *std::move(name);
        out.origins["name"] = "as you said";
        return;
    }
    add_finding(out, "package.name", severity::error, "",
                "'" + shown(*how.name, 80) + "' is not a model name.", "Clients could not ask for it.",
                "Write NAME or NAME:TAG, such as qwen3:4b.");
    out.model.reset();
}

}  // namespace

const std::vector<package_kind>& package_kinds() {
    static const std::vector<package_kind> all{
        axllm_kind(), mindie_kind(), axera_vision_kind(), axera_uid_kind(),   axera_legacy_kind(),
        hailo_kind(), rkllm_kind(),  gguf_kind(),         safetensors_kind(),
    };
    return all;
}

reading read_package(const fs::path& folder, const machine& here, const read_options& how) {
    reading out;
    std::error_code unknown_place;
    fs::path full = fs::absolute(folder, unknown_place).lexically_normal();
    if (!full.has_filename()) {
        full = full.parent_path();  // "Qwen3-4B/"
    }
    const auto tree = package_tree::open(full);
    if (!tree) {
        std::string fix = "Check the folder's name and its permissions.";
        if (fs::is_regular_file(full, unknown_place)) {
            const bool model = full.extension() == ".gguf" || full.extension() == ".rkllm";
            const auto word = core::word_to_paste(full.parent_path().string());
            fix = model ? "Name the folder that holds it" + (word ? ": corral import " + *word : ".")
                        : "This is a file. Unpack it, and give the folder that comes of it.";
        }
        add_finding(out, "package.unreadable", severity::error, "", tree.error().message,
                    "Nothing could be read.", std::move(fix));
        return out;
    }
    package_view view{*tree, here, nullptr};
    const package_kind* const kind = kind_of(view);
    if (kind == nullptr) {
        say_unknown(*tree, here, out);
    } else {
        out.kind = kind->name;
        out.profile = how.profile.value_or(std::string(kind->profile));
        view.runtime = how.profiles && !out.profile.empty() ? how.profiles(out.profile) : nullptr;
        kind->read(view, out);
        set_name(how, out);
    }
    for (const catalog::finding& one : tree->findings()) {
        if (std::ranges::find(out.findings, one) == out.findings.end()) {
            out.findings.push_back(one);
        }
    }
    return out;
}

}  // namespace corral::package
