#pragma once
// Where a package comes from.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::pull {

enum class source_kind {
    hub,     // a repository of a hub in the style of Hugging Face
    folder,  // a folder of a web server, with a list SHA256SUMS
    local,   // a folder of this machine, with a list SHA256SUMS
};

struct expected_file {
    std::string path;                   // below the package's folder, with '/'
    std::optional<std::uint64_t> size;  // nothing: as the source says
    std::string sha256;                 // 64 hexadecimal digits; empty: as the source says
    bool operator==(const expected_file&) const = default;
};

struct package_source {
    source_kind kind = source_kind::hub;
    std::string location;              // hub: OWNER/REPO; folder: URL with a final '/'; local: absolute path
    std::string revision{"main"};      // of a hub: branch, tag or commit
    std::vector<std::string> include;  // patterns of paths ('*' and '?'; '*' goes over '/'); empty: all
    std::vector<expected_file> files;  // what is known beforehand; where the source says else, it lies
    std::string name;                  // to be served as; empty: by the package's own names
    std::string profile;               // of its manifest; empty: by the kind of package
    bool operator==(const package_source&) const = default;
};

// "hf.co/OWNER/REPO[:REVISION]", "huggingface.co/...", "https://.../", "file:///...". Fails with a sentence for
// what begins so and is none of these; with `not_found` for every other text: it is a name for the catalogue.
[[nodiscard]] core::result<package_source> parse_source(std::string_view typed);

// As a person would type it.
[[nodiscard]] std::string source_text(const package_source& source);

// The folder's name below `directory` of [pull]: the repository's or the last folder's own, made safe.
[[nodiscard]] std::string folder_name(const package_source& source);

}  // namespace corral::pull
