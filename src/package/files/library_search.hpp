#pragma once
// Which shared libraries a program would not find: the dynamic loader's own search (ld.so(8)), followed
// through the libraries that are found, without running anything.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace corral::package {

struct library_question {
    std::filesystem::path program;                   // as it is here, without links
    std::uint16_t machine = 0;                       // e_machine of it
    std::map<std::string, std::string> environment;  // LD_LIBRARY_PATH counts
    std::filesystem::path working_directory;         // of relative folders in it
    std::filesystem::path root = "/";                // absolute names are found below it
    std::filesystem::path sysroot;  // an emulator's own tree, looked at before `root`; empty: none
};

struct library_gap {
    std::string name;       // "libaxcl_rt.so"
    std::string elsewhere;  // a folder that has it and is not searched; empty: none was found
    std::string unusable;   // a file of that name in a folder that is searched, for another machine or none
};

// Empty: all are there. At most 500 files are opened.
[[nodiscard]] std::vector<library_gap> missing_libraries(const library_question& about);

// Where the system's dynamic loader finds libraries: its cache, or the folders of its configuration
// (ld.so.conf(5)). The cache is the machine's own file, and read as if it were not.
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
