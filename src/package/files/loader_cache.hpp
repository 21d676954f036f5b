#pragma once
// Where the system's dynamic loader finds libraries: its cache, or the folders of its configuration
// (ld.so.conf(5)). The cache is the machine's own file, and read as if it were not.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace corral::package {

using library_index = std::multimap<std::string, std::string, std::less<>>;  // name to path

// The content of /etc/ld.so.cache in its form of today (glibc-ld.so.cache1.1), alone or behind the old one;
// empty when it is neither. At most 100,000 entries.
[[nodiscard]] library_index parse_loader_cache(std::string_view bytes);

struct loader_configuration {
    library_index cache;               // paths as the cache has them, absolute
    std::vector<std::string> folders;  // of ld.so.conf where there is no cache
};

// Of the system whose files are below `root`.
[[nodiscard]] loader_configuration read_loader_configuration(const std::filesystem::path& root);

}  // namespace corral::package
