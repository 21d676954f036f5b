#include "package/readers/reader.hpp"

#include <algorithm>

#include "corral/catalog/package_survey.hpp"
#include "corral/package/file_kind.hpp"
#include "corral/package/package_check.hpp"
#include "package/files/json_document.hpp"

namespace corral::package {

namespace {

bool in_own_folder(std::string_view path) {
    return path.find('/') == std::string_view::npos;
}

// "# Qwen3-4B" of the README.
std::string title_of(const package_view& view) {
    const std::string text = read_text(view, "README.md", 16 * 1024);
    std::size_t at = text.starts_with("# ") ? 0 : text.find("\n# ");
    if (at == std::string::npos) {
        return {};
    }
    at = text.find('#', at) + 2;
    return text.substr(at, std::min(text.find('\n', at), text.size()) - at);
}

}  // namespace

std::vector<const node*> all_files(const package_view& view, std::string_view ending) {
    std::vector<const node*> out;
    for (const node& one : view.tree.entries()) {
        if (one.kind == node_kind::file && one.path.ends_with(ending) &&
            !file_name(one.path).starts_with('.')) {
            out.push_back(&one);
        }
    }
    return out;
}

std::vector<const node*> top_files(const package_view& view, std::string_view ending) {
    auto out = all_files(view, ending);
    std::erase_if(out, [](const node* one) { return !in_own_folder(one->path); });
    return out;
}

std::vector<const node*> near_files(const package_view& view, std::string_view ending) {
    auto out = all_files(view, ending);
    std::erase_if(out, [](const node* one) { return std::ranges::count(one->path, '/') > 1; });
    return out;
}

bool has_file(const package_view& view, std::string_view path) {
    return view.tree.look(path).kind == node_kind::file;
}

std::string_view file_name(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view folder_name(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string read_text(const package_view& view, std::string_view path, std::size_t most) {
    auto text = view.tree.read(path, most);
    return text ? *std::move(text) : std::string();
}

std::uint64_t full_size(const package_view& view, std::string_view path) {
    const node found = view.tree.look(path);
    if (found.kind != node_kind::file) {
        return 0;
    }
    if (found.size < 1024) {
        if (const auto pointer = parse_lfs_pointer(read_text(view, path, 1024))) {
            return pointer->size;
        }
    }
    return found.size;
}

void add_finding(reading& out, catalog::severity level, const core::reason& what, std::string subject,
                 std::optional<std::string> why, std::optional<std::string> fix) {
    out.findings.push_back(
        catalog::finding_of(level, what, std::move(subject), std::move(why), std::move(fix)));
}

catalog::model_entry new_model(const package_view& view) {
    catalog::model_entry out;
    out.runtime = *view.runtime;
    out.package = view.tree.folder();
    for (const auto& variable : out.runtime.variables) {
        if (variable.fallback) {
            out.variables[variable.name] = *variable.fallback;
        }
    }
    if (const auto survey = catalog::survey_package(out.package)) {
        out.package_forbids_thinking = !survey->no_think_script.empty();
    }
    return out;
}

void name_after(const package_view& view, const std::vector<naming_hint>& more, reading& out) {
    const std::string folder = view.tree.folder().filename().string();
    auto hints = more;
    hints.insert(hints.begin(), {folder, "the folder's name"});
    hints.push_back({title_of(view), "the title of README.md"});
    const model_naming found = name_model(hints);
    if (!out.model) {
        if (!found.name.empty()) {
            out.notes.push_back("by its names it is " + found.name +
                                (found.quantization.empty() ? "" : ", " + found.quantization));
        }
        return;
    }
    out.model->name = found.name.empty() ? name_of_folder(folder) : found.name;
    out.origins["name"] =
        found.name.empty() ? "the folder's name; no model line known to Corral is in it" : found.name_from;
    if (!found.family.empty()) {
        out.model->family = found.family;
        out.origins["family"] = found.family_from;
    }
    if (!found.parameter_size.empty()) {
        out.model->parameter_size = found.parameter_size;
        out.origins["parameter_size"] = "the name";
    }
    if (!found.quantization.empty()) {
        out.model->quantization = found.quantization;
        out.origins["quantization"] = found.quantization_from;
    }
}

void check_files(const package_view& view, std::vector<catalog::variable_spec> specs,
                 std::map<std::string, std::string> values, std::uint32_t vocabulary, reading& out) {
    catalog::model_entry looked_at;
    looked_at.name = "package";
    looked_at.package = view.tree.folder();
    // A file counts when some command uses it.
    catalog::service_template reader_of_all;
    reader_of_all.name = "runtime";
    reader_of_all.command = {"runtime"};
    for (const catalog::variable_spec& one : specs) {
        reader_of_all.command.push_back("{" + one.name + "}");
    }
    looked_at.runtime.services.push_back(std::move(reader_of_all));
    looked_at.runtime.variables = std::move(specs);
    looked_at.variables = std::move(values);
    looked_at.context.vocabulary = vocabulary;
    const auto found = check_package(looked_at, view.here);
    out.findings.insert(out.findings.end(), found.begin(), found.end());
}

void fill_declared(const package_view& view, const json_document& config, reading& out) {
    for (const auto& variable : view.runtime->variables) {
        if (const std::string value = config.text(variable.name); !value.empty()) {
            out.model->variables[variable.name] = value;
            out.origins["variables." + variable.name] = "config.json, " + variable.name;
        }
    }
}

void say_not_served(reading& out) {
    if (out.profile.empty()) {
        return add_finding(out, catalog::severity::error, core::say("package.not-served", out.kind));
    }
    add_finding(out, catalog::severity::error, core::say("package.profile-missing", out.kind, out.profile),
                {}, {}, core::say("package.profile-missing/put", out.profile));
}

}  // namespace corral::package
