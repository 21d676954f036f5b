#include "ascend.hpp"

#include <algorithm>

#include "corral/package/file_kind.hpp"
#include "package/json_document.hpp"
#include "package/model_naming.hpp"

namespace corral::package {

namespace {

using catalog::severity;

constexpr std::size_t config_bytes = 1024 * 1024;
constexpr std::uint64_t most_positions = std::uint64_t{16} * 1024 * 1024;
constexpr std::uint64_t longest_table = 100 * 1024 * 1024;  // of a safetensors file's tensors

std::optional<json_document> parsed(const package_view& from, const char* file) {
    return json_document::parse(read_text(from, file, config_bytes));
}

// The file of a service folder, or of its conf folder.
const char* mindie_file(const package_view& from) {
    for (const char* file : {"conf/config.json", "config.json"}) {
        const auto config = parsed(from, file);
        if (config && config->has("BackendConfig") && config->has("ServerConfig")) {
            return file;
        }
    }
    return nullptr;
}

bool is_mindie(const package_view& from) {
    return mindie_file(from) != nullptr;
}

void read_mindie(const package_view& from, reading& to) {
    const char* const file = mindie_file(from);
    const auto config = file == nullptr ? std::nullopt : parsed(from, file);
    if (!config) {
        return;
    }
    const auto longest = config->count("BackendConfig.ModelDeployConfig.maxSeqLen", most_positions);
    if (longest) {
        to.notes.push_back(std::string(file) + ": maxSeqLen " + std::to_string(*longest));
    }
    if (from.runtime == nullptr) {
        say_not_served(to);
        return;
    }
    to.model = new_model(from);
    if (longest) {
        to.model->context.positions = static_cast<std::uint32_t>(*longest);
        to.origins["context.positions"] = std::string(file) + ", maxSeqLen";
    }
    fill_declared(from, *config, to);
    name_after(from, {}, to);
}

// The file says how long its table of tensors is; a file shorter than that is cut off.
void check_table(const package_view& from, const node& file, reading& to) {
    const auto head = from.tree.read(file.path, 8);
    if (!head || head->size() < 8 || parse_lfs_pointer(read_text(from, file.path, 1024))) {
        return;
    }
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        length |= std::uint64_t{static_cast<unsigned char>((*head)[i])} << (8 * i);
    }
    if (length == 0 || length > longest_table || file.size <= 8 + length) {
        add_finding(to, "safetensors.table", severity::error, file.path,
                    shown(file.path, 80) + " has no whole table of its tensors.",
                    "It is no safetensors file, or was cut off.", "Download it again.");
    }
}

bool is_safetensors(const package_view& from) {
    const auto config = parsed(from, "config.json");
    return !top_files(from, ".safetensors").empty() &&
           (has_file(from, "model.safetensors.index.json") || (config && config->has("architectures")));
}

void read_safetensors(const package_view& from, reading& to) {
    const auto config = parsed(from, "config.json");
    if (config) {
        to.notes.push_back("config.json: model_type " + shown(config->text("model_type"), 40) +
                           ", hidden_size " + shown(config->text("hidden_size"), 20) + ", vocab_size " +
                           shown(config->text("vocab_size"), 20) + ", context length " +
                           shown(config->text("max_position_embeddings"), 20));
    }
    std::vector<catalog::variable_spec> specs;
    std::map<std::string, std::string> values;
    for (const node* file : top_files(from, ".safetensors")) {
        catalog::variable_spec one;
        one.name = "weights_" + std::to_string(specs.size());
        one.kind = catalog::variable_kind::file;
        one.least_bytes = 64;
        values[one.name] = file->path;
        specs.push_back(std::move(one));
        check_table(from, *file, to);
        if (specs.size() == 1000) {
            break;
        }
    }
    if (from.runtime == nullptr) {
        say_not_served(to);
        check_files(from, std::move(specs), std::move(values), 0, to);
    } else {
        to.model = new_model(from);
        const auto longest = config ? config->count("max_position_embeddings", most_positions) : std::nullopt;
        if (longest) {
            to.model->context.positions = static_cast<std::uint32_t>(*longest);
            to.origins["context.positions"] = "config.json, max_position_embeddings";
        }
        if (config) {
            fill_declared(from, *config, to);
        }
    }
    name_after(from, {}, to);
}

}  // namespace

package_kind mindie_kind() {
    return {"a MindIE service folder", "mindie", is_mindie, read_mindie};
}

package_kind safetensors_kind() {
    return {"a model folder with safetensors, as vLLM-Ascend loads it", "vllm-ascend", is_safetensors,
            read_safetensors};
}

}  // namespace corral::package
