#include "package/readers/reader.hpp"

#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "corral/core/json.hpp"
#include "corral/package/file_kind.hpp"
#include "corral/package/model_naming.hpp"
#include "package/files/json_document.hpp"

namespace corral::package {

namespace {

using catalog::severity;

constexpr std::size_t config_bytes = 1024 * 1024;
constexpr std::uint64_t most_positions = std::uint64_t{16} * 1024 * 1024;
constexpr std::uint64_t longest_table = 100 * 1024 * 1024;  // of a safetensors file's tensors

std::optional<json_document> parsed(const package_view& view, const char* file) {
    return json_document::parse(read_text(view, file, config_bytes));
}

// The file of a service folder, or of its conf folder.
const char* mindie_file(const package_view& view) {
    for (const char* file : {"conf/config.json", "config.json"}) {
        const auto config = parsed(view, file);
        if (config && config->has("BackendConfig") && config->has("ServerConfig")) {
            return file;
        }
    }
    return nullptr;
}

bool is_mindie(const package_view& view) {
    return mindie_file(view) != nullptr;
}

// What the settings say of the one model, for the variables of the profile.
struct mindie_settings {
    std::string weights;
    std::map<std::string, std::string> variables;
};

// A whole number, a text, or a list of lists of numbers ("0,1") at `place`; empty: it is something else.
std::string plain_at(const nlohmann::json& whole, const char* place) {
    const nlohmann::json::json_pointer pointer(place);
    if (!whole.contains(pointer)) {
        return {};
    }
    const nlohmann::json& found = whole.at(pointer);
    if (found.is_string()) {
        return found.get<std::string>();
    }
    if (found.is_number_unsigned()) {
        return std::to_string(found.get<std::uint64_t>());
    }
    std::string out;
    if (found.is_array() && !found.empty() && found.front().is_array()) {
        for (const nlohmann::json& number : found.front()) {
            if (!number.is_number_unsigned()) {
                return {};
            }
            out += (out.empty() ? "" : ",") + std::to_string(number.get<std::uint64_t>());
        }
    }
    return out;
}

mindie_settings settings_in(const std::string& text) {
    constexpr std::array<std::pair<const char*, const char*>, 8> places{
        {{"served_name", "/BackendConfig/ModelDeployConfig/ModelConfig/0/modelName"},
         {"world_size", "/BackendConfig/ModelDeployConfig/ModelConfig/0/worldSize"},
         {"context", "/BackendConfig/ModelDeployConfig/maxSeqLen"},
         {"most_input", "/BackendConfig/ModelDeployConfig/maxInputTokenLen"},
         {"npus", "/BackendConfig/npuDeviceIds"},
         {"most_prefill", "/BackendConfig/ScheduleConfig/maxPrefillTokens"},
         {"parallel", "/BackendConfig/ScheduleConfig/maxBatchSize"},
         {"most_output", "/BackendConfig/ScheduleConfig/maxIterTimes"}}};
    mindie_settings out;
    const auto whole = core::parse_json(text);
    if (whole.is_discarded()) {
        return out;
    }
    out.weights = plain_at(whole, "/BackendConfig/ModelDeployConfig/ModelConfig/0/modelWeightPath");
    for (const auto& [variable, place] : places) {
        if (std::string value = plain_at(whole, place); !value.empty()) {
            out.variables[variable] = std::move(value);
        }
    }
    return out;
}

// The model is the folder of the weights; the one that was looked at is the server's.
void take_settings(const package_view& view, const std::string& file, reading& out) {
    const mindie_settings said = settings_in(read_text(view, file, config_bytes));
    for (const auto& [variable, value] : said.variables) {
        out.model->variables[variable] = value;
        out.origins["variables." + variable] = file;
    }
    const bool whole_service = file.starts_with("conf/");
    const std::filesystem::path folder = view.tree.folder();
    out.model->variables["service_folder"] = (whole_service ? folder : folder.parent_path()).string();
    out.origins["variables.service_folder"] = "the folder itself";
    std::error_code unknown;
    if (said.weights.starts_with('/') && std::filesystem::is_directory(said.weights, unknown)) {
        out.model->package = std::filesystem::path(said.weights).lexically_normal();
        out.origins["package"] = file + ", modelWeightPath";
        return;
    }
    out.model.reset();
    add_finding(out, severity::error, core::say("mindie.weights", file, shown(said.weights, 120)), file);
}

void read_mindie(const package_view& view, reading& out) {
    const char* const file = mindie_file(view);
    const auto config = file == nullptr ? std::nullopt : parsed(view, file);
    if (!config) {
        return;
    }
    const auto longest = config->count("BackendConfig.ModelDeployConfig.maxSeqLen", most_positions);
    if (longest) {
        out.notes.push_back(std::string(file) + ": maxSeqLen " + std::to_string(*longest));
    }
    if (view.runtime == nullptr) {
        say_not_served(out);
        return;
    }
    out.model = new_model(view);
    take_settings(view, file, out);
    if (out.model) {
        fill_declared(view, *config, out);
    }
    name_after(view, {}, out);
}

// The file says how long its table of tensors is; a file shorter than that is cut off.
void check_table(const package_view& view, const node& file, reading& out) {
    const auto head = view.tree.read(file.path, 8);
    if (!head || head->size() < 8 || parse_lfs_pointer(read_text(view, file.path, 1024))) {
        return;
    }
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        length |= std::uint64_t{static_cast<unsigned char>((*head)[i])} << (8 * i);
    }
    if (length == 0 || length > longest_table || file.size <= 8 + length) {
        add_finding(out, severity::error, core::say("safetensors.table", shown(file.path, 80)), file.path);
    }
}

bool is_safetensors(const package_view& view) {
    const auto config = parsed(view, "config.json");
    return !top_files(view, ".safetensors").empty() &&
           (has_file(view, "model.safetensors.index.json") || (config && config->has("architectures")));
}

void read_safetensors(const package_view& view, reading& out) {
    const auto config = parsed(view, "config.json");
    if (config) {
        out.notes.push_back("config.json: model_type " + shown(config->text("model_type"), 40) +
                            ", hidden_size " + shown(config->text("hidden_size"), 20) + ", vocab_size " +
                            shown(config->text("vocab_size"), 20) + ", context length " +
                            shown(config->text("max_position_embeddings"), 20));
    }
    std::vector<catalog::variable_spec> specs;
    std::map<std::string, std::string> values;
    for (const node* file : top_files(view, ".safetensors")) {
        catalog::variable_spec one;
        one.name = "weights_" + std::to_string(specs.size());
        one.kind = catalog::variable_kind::file;
        one.least_bytes = 64;
        values[one.name] = file->path;
        specs.push_back(std::move(one));
        check_table(view, *file, out);
        if (specs.size() == 1000) {
            break;
        }
    }
    if (view.runtime == nullptr) {
        say_not_served(out);
        check_files(view, std::move(specs), std::move(values), 0, out);
    } else {
        out.model = new_model(view);
        const auto longest = config ? config->count("max_position_embeddings", most_positions) : std::nullopt;
        if (longest) {
            out.model->context.positions = static_cast<std::uint32_t>(*longest);
            out.origins["context.positions"] = "config.json, max_position_embeddings";
        }
        if (config) {
            fill_declared(view, *config, out);
        }
    }
    name_after(view, {}, out);
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
