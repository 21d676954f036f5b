#pragma once
// One kind of package: how it is recognised, and how it is read. Each kind is one file of this folder and one
// line in the list of package_reader.cpp; nothing outside knows their names.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/core/say.hpp"
#include "corral/package/machine.hpp"
#include "corral/package/model_naming.hpp"
#include "corral/package/package_reader.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::package {

// The package at hand and all that reading it may depend on; everything is borrowed.
struct package_view {
    const package_tree& tree;
    const machine& here;
    const catalog::profile* runtime = nullptr;  // the profile that serves it, where it is installed
};

struct package_kind {
    std::string_view name;     // for people, with its article
    std::string_view profile;  // that serves it; empty: none does
    bool (*recognise)(const package_view& view);
    // Adds to `out`, whose kind and profile are set; sets out.model only where view.runtime is there.
    void (*read)(const package_view& view, reading& out);
};

// The first that recognises a folder reads it, so what is more particular stands before what is less.
[[nodiscard]] const std::vector<package_kind>& package_kinds();

// Plain files of the package's own folder, or of every folder, whose names end so; sorted.
[[nodiscard]] std::vector<const node*> top_files(const package_view& view, std::string_view ending);
[[nodiscard]] std::vector<const node*> all_files(const package_view& view, std::string_view ending);
// Those of the package's own folder and of the folders in it; what lies deeper belongs to a package inside.
[[nodiscard]] std::vector<const node*> near_files(const package_view& view, std::string_view ending);
[[nodiscard]] bool has_file(const package_view& view, std::string_view path);

// The last part of a path.
[[nodiscard]] std::string_view file_name(std::string_view path);
// The folder's part of a path; "" for one of the package's own folder.
[[nodiscard]] std::string_view folder_name(std::string_view path);

// Up to `most` bytes; empty where it can't be read.
[[nodiscard]] std::string read_text(const package_view& view, std::string_view path, std::size_t most);

// What the file will have when it is there: of a git-LFS pointer that of the real one. 0: unknown.
[[nodiscard]] std::uint64_t full_size(const package_view& view, std::string_view path);

void add_finding(reading& out, catalog::severity level, const core::reason& what, std::string subject = {},
                 std::optional<std::string> why = {}, std::optional<std::string> fix = {});

// A model of from.runtime in the package's folder, with the profile's fallbacks.
// REQUIRES: from.runtime
[[nodiscard]] catalog::model_entry new_model(const package_view& view);

// Name, family, size and quantization by the names that there are: `more`, then the package's folder and the
// title of its README. `more` come first.
void name_after(const package_view& view, const std::vector<naming_hint>& more, reading& out);

// For kinds that no profile of ours serves: looks at the files all the same, as those of a model would be.
// `specs` say what `values` stand for.
void check_files(const package_view& view, std::vector<catalog::variable_spec> specs,
                 std::map<std::string, std::string> values, std::uint32_t vocabulary, reading& out);

// Values of the document for those variables of the profile that are called like its keys.
class json_document;
void fill_declared(const package_view& view, const json_document& config, reading& out);

// A finding, said once for all kinds: nothing serves it yet.
void say_not_served(reading& out);

// A MindIE service folder: conf/config.json with ModelDeployConfig (docs/facts/other_runtimes.md#mindie).
[[nodiscard]] package_kind mindie_kind();
// A model folder as the hub has it: config.json and *.safetensors (docs/facts/other_runtimes.md#vllm-ascend).
[[nodiscard]] package_kind safetensors_kind();
// A tokenizer service without identities (2024): bos_id, eos_id, encode, decode
// (docs/facts/vendor_ax.md#tokenizer-families, family A).
[[nodiscard]] package_kind axera_legacy_kind();
// A model that looks at pictures (docs/facts/vendor_ax.md#tokenizer-families, #vlm-build, family B').
[[nodiscard]] package_kind axera_vision_kind();
// A real config.json with tokenizer_type, no programs (docs/facts/vendor_ax.md#axllm-packages, #axllm).
[[nodiscard]] package_kind axllm_kind();
// Packages of main_api_* and *_tokenizer_uid.py, for the profile axera-poll.
[[nodiscard]] package_kind axera_uid_kind();
// models/manifests with manifest.json, for hailo-ollama (docs/facts/other_runtimes.md#hailo-ollama).
[[nodiscard]] package_kind hailo_kind();
// *.gguf, for llama-server (docs/facts/other_runtimes.md#llama-server).
[[nodiscard]] package_kind gguf_kind();
// *.rkllm, for Rockchip's demo servers (docs/facts/other_runtimes.md#rkllm-launch).
[[nodiscard]] package_kind rkllm_kind();

}  // namespace corral::package
