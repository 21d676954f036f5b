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
    std::optional<std::string> fix;
    if (const auto word = inside.empty() ? std::nullopt : core::word_to_paste(inside)) {
        fix = core::say("package.unknown/inside", *word);
    }
    add_finding(out, severity::error,
                tree.entries().empty()
                    ? core::say("package.unknown/of", core::say("file.empty", shown_folder))
                    : core::say("package.unknown", shown_folder),
                {}, {}, std::move(fix));
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
    add_finding(out, severity::error, core::say("package.name/model", shown(*how.name, 80)), {},
                core::say("package.name/why-model"), core::say("package.name/do-model"));
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
        std::optional<std::string> fix;
        if (fs::is_regular_file(full, unknown_place)) {
            const bool model = full.extension() == ".gguf" || full.extension() == ".rkllm";
            const auto word = core::word_to_paste(full.parent_path().string());
            fix = !model ? core::say("package.unreadable/file")
                  : word ? core::say("package.unreadable/model-in", *word)
                         : core::say("package.unreadable/model");
        }
        add_finding(out, severity::error, core::say("package.unreadable", tree.error()), {}, {},
                    std::move(fix));
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
