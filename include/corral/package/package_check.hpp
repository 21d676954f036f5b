#pragma once
// Looks at the files that a model's variables name, as the runtime would meet them: are they there, whole, of
// the right size, for this machine, and are they what their names say (docs/facts/vendor_ax.md#bad-files).
// The profile says which variable stands for what (catalog::variable_kind); nothing here knows a vendor.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/package/machine.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::package {

// How the files of one variable stand, for a table.
struct file_group {
    std::string variable;   // "layer_files"
    bool numbered = false;  // then faults name numbers, else nothing
    std::size_t count = 0;  // that are needed
    std::size_t whole = 0;  // of them
    struct lot {
        std::string word;                // "LFS pointer", "cut", "missing"
        std::vector<std::string> which;  // numbers, or paths
    };
    std::vector<lot> faults;
    std::uint64_t bytes_here = 0;  // of those that are whole
    std::uint64_t bytes_all = 0;   // of all of them; 0: not known
};

// What can be repaired without a person: the execute bit of a file, or a variable of a service's environment.
struct repair {
    std::string finding;         // the id of what it repairs
    std::filesystem::path file;  // empty: it is the environment of `service`
    std::string service;
    std::string name;
    std::string value;          // added in front of what the variable holds, with ':'
    std::string variable = {};  // not empty: this variable of the model becomes `value`
    // Not empty: what pip is to install, into an environment of `python` that `variable` then names; into `python`
    // itself where there is no `variable`.
    std::vector<std::string> install = {};
    std::string python = {};
};

struct package_examination {
    std::vector<catalog::finding> findings;                 // as check_package() has them
    std::vector<file_group> groups;                         // in the order of the profile's variables
    std::map<std::string, std::vector<std::string>> files;  // all that a finding of that id is about, by id
    std::vector<repair> repairs;
};
[[nodiscard]] package_examination examine_package(const catalog::model_entry& model, const machine& here);

// What is wrong with the package of `model`, worst first; empty: nothing. Each finding has one id and is one
// line; files of one fault are one finding ("12 of 36 layer files are git-LFS pointers ..."). Reads headers
// and sizes, at most 64 KiB of each file and 1 MiB of scripts and JSON; follows no link out of the package;
// runs nothing of it. Blocks on the disk.
[[nodiscard]] std::vector<catalog::finding> check_package(const catalog::model_entry& model,
                                                          const machine& here);

// How to get the files behind the git-LFS pointers `paths` of a package: a sentence, with the command where one is known.
[[nodiscard]] std::string pointer_advice(const package_tree& tree, const std::vector<std::string>& paths);

// Bytes of the files that the accelerator's memory takes (variable_spec::on_device); 0: not known, because
// the profile names none, or one of them is not there or no whole one. Looks at sizes only.
[[nodiscard]] std::uint64_t device_bytes(const catalog::model_entry& model);

// Bytes of all files of the package that the model's variables name, for a folder may hold several models; 0: not
// known, as above.
[[nodiscard]] std::uint64_t model_bytes(const catalog::model_entry& model);

}  // namespace corral::package
