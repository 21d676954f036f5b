#pragma once
// Which shared libraries a program would not find: the dynamic loader's own search (ld.so(8)), followed
// through the libraries that are found, without running anything.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
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
    std::string wanted_by;  // the file that needs it
    std::string elsewhere;  // a folder that has it and is not searched; empty: none was found
    std::string unusable;   // a file of that name in a folder that is searched, for another machine or none
};

// Empty: all are there. At most 500 files are opened.
[[nodiscard]] std::vector<library_gap> missing_libraries(const library_question& about);

}  // namespace corral::package
