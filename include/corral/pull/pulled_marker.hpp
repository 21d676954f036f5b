#pragma once
// What distinguishes a pulled package from every other folder: a file in it that lists what the pull brought.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/package/checksum_list.hpp"
#include "corral/pull/package_source.hpp"

namespace corral::pull {

inline constexpr const char* marker_name = package::pull_record_name.data();  // in the package's folder
inline constexpr const char* parts_folder = ".corral-pull";  // in `directory` of [pull]: unfinished downloads

struct pulled_marker {
    std::string name;  // as it was asked for
    source_kind kind = source_kind::hub;
    std::string location;
    std::string revision;
    std::vector<expected_file> files;  // every one that the pull wrote, the marker itself left out
    bool operator==(const pulled_marker&) const = default;
};

[[nodiscard]] std::string marker_text(const pulled_marker& of);
// Nothing where `text` is none, of a later version, or names a file outside of its folder.
[[nodiscard]] std::optional<pulled_marker> parse_marker(std::string_view text);

// True of a path that stays below its folder: relative, without empty parts, "." and "..", and without control
// characters.
[[nodiscard]] bool is_inner_path(std::string_view path);

}  // namespace corral::pull
