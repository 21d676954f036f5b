#include "package/readers/reader.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/text.hpp"
#include "corral/package/file_kind.hpp"
#include "corral/package/gguf_header.hpp"
#include "corral/package/model_naming.hpp"

namespace corral::package {

namespace {

using catalog::severity;

constexpr std::uint64_t least_model_bytes = 1024 * 1024;
constexpr std::uint64_t most_positions = std::uint64_t{16} * 1024 * 1024;

// Files of the package's own folder alone: what lies deeper belongs to a package inside.
//
// The largest; the first part of several ("-00001-of-00003.gguf") where it is one of those.
const node* main_file(const std::vector<const node*>& files) {
    const node* best = nullptr;
    for (const node* one : files) {
        if (one->path.find("-00001-of-") != std::string::npos) {
            return one;
        }
        if (best == nullptr || one->size > best->size) {
            best = one;
        }
    }
    return best;
}

bool is_later_part(const node& file) {
    const auto of = file.path.find("-of-");
    return of != std::string::npos && of > 5 && file.path[of - 6] == '-' &&
           file.path.substr(of - 5, 5) != "00001" && file.path.find_first_not_of("0123456789", of - 5) == of;
}

void tell_of_others(const node& taken, const std::vector<const node*>& files, reading& out) {
    const auto models = std::ranges::count_if(files, [](const node* one) { return !is_later_part(*one); });
    if (models > 1) {
        add_finding(out, severity::note, core::say("package.note/of", shown(taken.path, 80), models),
                    taken.path, "");
    }
}

catalog::variable_spec model_file_spec() {
    catalog::variable_spec out;
    out.name = "model_file";
    out.about = "the model";
    out.kind = catalog::variable_kind::file;
    out.least_bytes = least_model_bytes;
    return out;
}

// A model of the profile, when it takes one file; else what the file is like.
void serve_file(const package_view& view, const std::string& path, reading& out) {
    if (view.runtime == nullptr) {
        say_not_served(out);
        check_files(view, {model_file_spec()}, {{"model_file", path}}, 0, out);
        return;
    }
    out.model = new_model(view);
    for (const auto& variable : view.runtime->variables) {
        if (variable.kind == catalog::variable_kind::file && variable.fallback != "") {
            out.model->variables[variable.name] = path;
            out.origins["variables." + variable.name] = "its name";
            return;
        }
    }
}

std::string stem(const std::string& path) {
    const auto name = file_name(path);
    return std::string(name.substr(0, name.rfind('.')));
}

bool is_gguf(const package_view& view) {
    return !top_files(view, ".gguf").empty();
}

std::optional<gguf_header> header_of(const package_view& view, const node& file, std::size_t most) {
    const auto head = view.tree.read(file.path, most);
    return head ? parse_gguf(*head) : std::nullopt;
}

struct gguf_files {
    std::vector<const node*> models;
    std::vector<const node*> projectors;  // of images; each goes with a model and is none
};

// A projector's name says what it is also where the file itself is not there yet, its head under any name.
gguf_files sort_gguf(const package_view& view) {
    constexpr std::size_t first_keys = 64 * 1024;
    gguf_files out;
    for (const node* one : top_files(view, ".gguf")) {
        const auto header = header_of(view, *one, first_keys);
        const bool named = core::lower_case(file_name(one->path)).find("mmproj") != std::string::npos;
        if (!named && (!header || header->architecture != projector_architecture)) {
            out.models.push_back(one);
        } else if (!header || header->sees || !header->hears) {
            out.projectors.push_back(one);
        }
    }
    return out;
}

void check_whole(const gguf_header& header, const node& file, reading& out) {
    if (!header.whole || file.size > header.least_bytes) {
        return;
    }
    add_finding(out, severity::error,
                core::say("file.truncated/tensor", shown(file.path, 80), size_words(file.size),
                          size_words(header.least_bytes)),
                file.path, core::say("file.truncated/rest"));
}

void read_header(const package_view& view, const node& file, std::vector<naming_hint>& hints, reading& out) {
    const auto head = view.tree.read(file.path, gguf_head_bytes);
    const auto header = head ? parse_gguf(*head) : std::nullopt;
    if (!header) {
        const bool pointer = head && parse_lfs_pointer(*head);
        if (!pointer) {
            add_finding(out, severity::error, core::say("gguf.header", shown(file.path, 80)), file.path);
        }
        return;
    }
    check_whole(*header, file, out);
    hints.push_back({header->name, "general.name of " + file.path});
    hints.push_back({header->size_label, "general.size_label of " + file.path});
    out.notes.push_back(
        file.path + ": " + (header->name.empty() ? "without a name" : shown(header->name, 80)) +
        ", architecture " + shown(header->architecture, 40) + ", context length " +
        std::to_string(header->context_length) + (header->file_type.empty() ? "" : ", " + header->file_type));
    if (out.model && !header->file_type.empty()) {
        out.model->quantization = header->file_type;
        out.origins["quantization"] = "general.file_type of " + file.path;
    }
    if (out.model && header->embeds) {
        out.model->capabilities = {"embedding"};
        out.origins["capabilities"] = "pooling_type of " + file.path;
    }
    if (out.model && header->context_length <= most_positions && header->context_length > 0) {
        out.model->context.positions = static_cast<std::uint32_t>(header->context_length);
        out.origins["context.positions"] = "context_length of " + file.path;
    }
}

// Of several that of 16-bit floats that every processor computes (F16, not BF16), then the smallest.
const node* projector_for(const std::vector<const node*>& all) {
    const auto rank = [&](const node* one) {
        const std::string name = core::lower_case(file_name(one->path));
        const bool half = name.find("f16") != std::string::npos && name.find("bf16") == std::string::npos;
        return std::pair(!half, one->size);
    };
    const auto best = std::ranges::min_element(all, {}, rank);
    return best == all.end() ? nullptr : *best;
}

void add_projector(const package_view& view, const std::vector<const node*>& all, reading& out) {
    const std::string variable = "projector";
    const node* const file = projector_for(all);
    if (file == nullptr || !out.model || out.origins.contains("capabilities") ||
        !out.model->variables.contains(variable)) {
        return;
    }
    out.model->variables[variable] = file->path;
    out.origins["variables." + variable] = all.size() == 1
                                               ? "found beside the model"
                                               : "one of " + std::to_string(all.size()) + " beside the model";
    out.model->capabilities.emplace_back("vision");
    if (const auto header = header_of(view, *file, gguf_head_bytes)) {
        check_whole(*header, *file, out);
    }
    add_finding(out, severity::note, core::say("gguf.projector", shown(file->path, 80)), file->path, "");
}

void read_gguf(const package_view& view, reading& out) {
    const gguf_files files = sort_gguf(view);
    const node* const file = main_file(files.models);
    if (file == nullptr) {
        add_finding(out, severity::error, core::say("gguf.no-model"));
        return;
    }
    std::vector<naming_hint> hints{{stem(file->path), "the file's name"}};
    tell_of_others(*file, files.models, out);
    serve_file(view, file->path, out);
    read_header(view, *file, hints, out);
    add_projector(view, files.projectors, out);
    const std::string quantization = out.model ? out.model->quantization : std::string();
    name_after(view, hints, out);
    if (!quantization.empty()) {
        out.model->quantization = quantization;
        out.origins["quantization"] = "general.file_type of " + file->path;
    }
}

bool is_rkllm(const package_view& view) {
    return !top_files(view, ".rkllm").empty();
}

// The file's format is not published: only its name is read.
void read_rkllm(const package_view& view, reading& out) {
    const auto files = top_files(view, ".rkllm");
    const node* const file = main_file(files);
    if (file == nullptr) {
        return;
    }
    tell_of_others(*file, files, out);
    serve_file(view, file->path, out);
    name_after(view, {{stem(file->path), "the file's name"}}, out);
}

}  // namespace

package_kind gguf_kind() {
    return {"a GGUF model", "llama-server", is_gguf, read_gguf};
}

package_kind rkllm_kind() {
    return {"a Rockchip RKLLM model", "rkllm-flask", is_rkllm, read_rkllm};
}

}  // namespace corral::package
