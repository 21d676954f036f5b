#pragma once
// Ollama's names and the public packages that stand for them, by kind of box: data in TOML (docs/pull.md).

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/core/reason.hpp"
#include "corral/pull/box.hpp"
#include "corral/pull/package_source.hpp"

namespace corral::pull {

struct catalogue_package {
    std::vector<box_kind> boxes;     // at least one
    std::vector<std::string> hosts;  // architectures; empty: any
    package_source source;
    std::string quantization;
    std::string license;
    std::string facts;                // where all this is from
    std::uint32_t context = 0;        // tokens; 0: not known
    std::uint64_t download_mb = 0;    // 0: not known
    std::uint64_t memory_mb = 0;      // of the card, of the host where there is none; 0: not known
    std::vector<std::string> python;  // modules that its runtime's scripts import
    bool verified = false;            // was pulled and served on such a box
    std::string
        examined;  // "2026-11-25": when files, sizes and hashes were compared with public lists; may be empty
    std::vector<std::string> faults;  // known ones, a sentence each
};

struct catalogue_model {
    std::string name;  // display form
    std::vector<std::string> aliases;
    std::string family;
    std::vector<std::string> capabilities;
    std::string parameter_size;
    std::vector<catalogue_package> packages;  // of one kind of box the better first
};

struct catalogue {
    std::vector<catalogue_model> models;  // by family, of one the smallest first
};

struct catalogue_reading {
    catalogue value;
    // A file with a mistake is left out, and no other one for it.
    std::vector<catalog::diagnostic> problems;
};

[[nodiscard]] catalogue_reading parse_catalogue(std::string_view text, const std::filesystem::path& file);

// All *.toml of the folders; a model of a later folder takes the place of one of that name. Folders that are not
// there are empty. Blocks on the disk.
[[nodiscard]] catalogue_reading read_catalogue(const std::vector<std::filesystem::path>& folders);
// The one that came with Corral, and catalogue.d in `base`, the folder of the configuration.
[[nodiscard]] std::vector<std::filesystem::path> catalogue_folders(const std::filesystem::path& base);

// By name or alias, case ignored; nullptr where there is none. Borrowed from `in`.
[[nodiscard]] const catalogue_model* find_model(const catalogue& in, std::string_view typed);

struct choice {
    const catalogue_model* model = nullptr;      // of that name
    const catalogue_package* package = nullptr;  // for this box; borrowed from the catalogue
    box_kind kind = box_kind::cpu;               // of this box, that the package is for
    core::reason reason;                         // without a package: why none fits, a sentence for people
    std::string remark;                          // with one: why it is not a better one; may be empty
};

[[nodiscard]] choice choose(const catalogue_model& model, const box& here);
[[nodiscard]] choice choose(const catalogue& from, std::string_view typed, const box& here);

// A model whose name, alias, family or capability has all of `words`.
[[nodiscard]] bool has_words(const catalogue_model& model, const std::vector<std::string>& words);

}  // namespace corral::pull
