#include "package/readers/reader.hpp"

#include "corral/package/file_kind.hpp"
#include "corral/package/model_naming.hpp"
#include "package/files/gguf_header.hpp"

namespace corral::package {

namespace {

using catalog::severity;

constexpr std::uint64_t least_model_bytes = 1024 * 1024;
constexpr std::uint64_t most_positions = std::uint64_t{16} * 1024 * 1024;

// The largest; the first part of several ("-00001-of-00003.gguf") where it is one of those.
const node* main_file(const package_view& from, std::string_view ending) {
    const auto files = all_files(from, ending);
    const node* best = nullptr;
    for (const node* one : files) {
        if (one->path.find("-00001-of-") != std::string::npos) {
            return one;
        }
        // A projector for pictures goes with a model and is none.
        const bool side_file = file_name(one->path).starts_with("mmproj");
        if (!side_file && (best == nullptr || one->size > best->size)) {
            best = one;
        }
    }
    return best == nullptr && !files.empty() ? files.front() : best;
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
void serve_file(const package_view& from, const std::string& path, reading& to) {
    if (from.runtime == nullptr) {
        say_not_served(to);
        check_files(from, {model_file_spec()}, {{"model_file", path}}, 0, to);
        return;
    }
    to.model = new_model(from);
    for (const auto& variable : from.runtime->variables) {
        if (variable.kind == catalog::variable_kind::file) {
            to.model->variables[variable.name] = path;
            to.origins["variables." + variable.name] = "its name";
            return;
        }
    }
}

std::string stem(const std::string& path) {
    const auto name = file_name(path);
    return std::string(name.substr(0, name.rfind('.')));
}

bool is_gguf(const package_view& from) {
    return main_file(from, ".gguf") != nullptr;
}

void read_header(const package_view& from, const node& file, std::vector<naming_hint>& hints, reading& to) {
    const auto head = from.tree.read(file.path, gguf_head_bytes);
    const auto header = head ? parse_gguf(*head) : std::nullopt;
    if (!header) {
        const bool pointer = head && parse_lfs_pointer(*head);
        if (!pointer) {
            add_finding(to, "gguf.header", severity::error, file.path,
                        shown(file.path, 80) + " does not begin as a GGUF file of version 2 or 3.",
                        "No server can load it.", "Download it again.");
        }
        return;
    }
    if (header->whole && file.size <= header->least_bytes) {
        add_finding(to, "file.truncated", severity::error, file.path,
                    shown(file.path, 80) + " has " + size_words(file.size) +
                        ", but its last tensor begins at " + size_words(header->least_bytes) + ".",
                    "The rest of the download is missing.", "Download it again.");
    }
    hints.push_back({header->name, "general.name of " + file.path});
    hints.push_back({header->size_label, "general.size_label of " + file.path});
    to.notes.push_back(
        file.path + ": " + (header->name.empty() ? "without a name" : shown(header->name, 80)) +
        ", architecture " + shown(header->architecture, 40) + ", context length " +
        std::to_string(header->context_length) + (header->file_type.empty() ? "" : ", " + header->file_type));
    if (to.model && !header->file_type.empty()) {
        to.model->quantization = header->file_type;
        to.origins["quantization"] = "general.file_type of " + file.path;
    }
    if (to.model && header->embeds) {
        to.model->capabilities = {"embedding"};
        to.origins["capabilities"] = "pooling_type of " + file.path;
    }
    if (to.model && header->context_length <= most_positions && header->context_length > 0) {
        to.model->context.positions = static_cast<std::uint32_t>(header->context_length);
        to.origins["context.positions"] = "context_length of " + file.path;
    }
}

void read_gguf(const package_view& from, reading& to) {
    const node* const file = main_file(from, ".gguf");
    if (file == nullptr) {
        return;
    }
    std::vector<naming_hint> hints{{stem(file->path), "the file's name"}};
    serve_file(from, file->path, to);
    read_header(from, *file, hints, to);
    const std::string quantization = to.model ? to.model->quantization : std::string();
    name_after(from, hints, to);
    if (!quantization.empty()) {
        to.model->quantization = quantization;
        to.origins["quantization"] = "general.file_type of " + file->path;
    }
}

bool is_rkllm(const package_view& from) {
    return main_file(from, ".rkllm") != nullptr;
}

// The file's format is not published: only its name is read.
void read_rkllm(const package_view& from, reading& to) {
    const node* const file = main_file(from, ".rkllm");
    if (file == nullptr) {
        return;
    }
    serve_file(from, file->path, to);
    name_after(from, {{stem(file->path), "the file's name"}}, to);
}

}  // namespace

package_kind gguf_kind() {
    return {"a GGUF model", "llama-server", is_gguf, read_gguf};
}

package_kind rkllm_kind() {
    return {"a Rockchip RKLLM model", "rkllm-flask", is_rkllm, read_rkllm};
}

}  // namespace corral::package
