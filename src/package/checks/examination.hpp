#pragma once
// One look at the package of one model: what every check needs, and what they have found so far. Each check
// is in a file of its own; package_check.cpp says which there are.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/core/say.hpp"
#include "corral/package/file_kind.hpp"
#include "corral/package/machine.hpp"
#include "corral/package/package_check.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::package {

// What is wrong with one file as such. Files of one fault are reported together.
enum class fault_kind {
    missing,
    lfs_pointer,
    html,
    hub_error,
    empty,
    zeros,
    json,
    text,
    archive,
    program,
    not_program,  // a data file in the place of a program
    folder,
    special,
    outside,
    broken_link,
    refused,
    unreadable,
    unfinished,
    too_small,
    hole,
    cut_json,
    not_json,
};

struct file_fault {
    fault_kind kind = fault_kind::missing;
    std::string path;        // as the model names it
    std::uint64_t size = 0;  // of lfs_pointer: of the real file; else as it is
    std::string detail;      // a part of a sentence
    bool sure = true;        // this model needs the file
    std::string variable;    // that named it; may be empty
};

// A file that a variable names, and the tree that it is looked for in: the package's, or that of a folder
// elsewhere where the name is absolute.
struct named_file {
    package_tree tree;
    std::string path;  // relative to the tree
    node about;
};

struct examination {
    const catalog::model_entry& model;
    const machine& here;
    package_tree tree;
    std::vector<catalog::finding> found;
    std::vector<file_fault> faults;
    std::vector<repair> repairs;
    std::string variable{};  // the one that is looked at

    // `file`: as the model names it; empty where it is about none or several.
    void add(catalog::severity level, const core::reason& what, std::optional<std::string> why = {},
             std::optional<std::string> fix = {}, const std::string& file = {});
    void add_fault(fault_kind kind, const std::string& path, std::uint64_t size = 0, std::string detail = {},
                   bool sure = true);
};

// " (variable 'program' in /etc/corral/models.d/a.toml:12)"; empty where no file says it.
[[nodiscard]] std::string said_where(const catalog::model_entry& model, const std::string& variable);

// "'model/a.axmodel'", fit for a terminal.
[[nodiscard]] std::string named(std::string_view text);

// The file that `value` names for the model; counted as needed where it is in the package.
[[nodiscard]] named_file locate(examination& subject, const std::string& value);

// The file at the end of all links, in a folder of which nothing else is looked at: for names that a person
// chose. Nothing where that folder can't be opened.
[[nodiscard]] std::optional<named_file> locate_elsewhere(const std::filesystem::path& absolute);

// True when it is a file whose content may be looked at; else the fault is added.
bool expect_file(examination& subject, const named_file& file, const std::string& value, bool sure = true);

// Its kind by the first bytes; nothing, and a fault, when they can't be read.
[[nodiscard]] std::optional<file_kind> kind_of(examination& subject, const named_file& file,
                                               const std::string& value);

// Adds a fault for what a failed download leaves (pointer, page, message, nothing, zeros). True when it is
// such a thing.
bool is_failed_download(examination& subject, const named_file& file, const std::string& value,
                        file_kind kind, bool sure = true);

// A whole number from 1 to `most` that the model gives as `name` ({vocabulary} included); nothing, and a
// finding, when it is none. Nothing alone where it is not given.
[[nodiscard]] std::optional<std::uint64_t> number_of(examination& subject, const std::string& name,
                                                     std::uint64_t most);

// `name` is used by this service; nullptr: by none.
[[nodiscard]] const catalog::service_template* user_of(const catalog::model_entry& model,
                                                       const std::string& name);
// Its environment as a child gets it.
[[nodiscard]] std::map<std::string, std::string> environment_of(const catalog::model_entry& model,
                                                                const catalog::service_template& service);
// What the profile advises about that exit status.
[[nodiscard]] std::optional<std::string> advice_for(const catalog::service_template* service, int status);

// --- the checks: one file each

void check_file(examination& subject, const catalog::variable_spec& is, const std::string& value);
void check_numbered_files(examination& subject, const catalog::variable_spec& is, const std::string& value);
void check_program_file(examination& subject, const catalog::variable_spec& is, const std::string& value);
void check_python_script(examination& subject, const catalog::variable_spec& is, const std::string& value);
void check_runtime_file(examination& subject, const catalog::runtime_file& is);
// The JSON and text files of a tokenizer's folder. `sure`: the script names it.
void check_tokenizer_folder(examination& subject, const std::string& folder, bool sure);
void check_left_overs(examination& subject);

// --- reports

// Turns the faults into findings, one for each kind.
void report_faults(examination& subject);

// The id of the finding that such faults become.
[[nodiscard]] std::string fault_id(fault_kind kind);

// How the files `paths`, which `is` stands for, look after all checks.
[[nodiscard]] file_group group_of(examination& subject, const catalog::variable_spec& is,
                                  const std::vector<std::string>& paths);

// How to get `paths` again, as a sentence with the exact command where one is known. `pointers`: git-LFS has
// only to fetch what belongs to them.
[[nodiscard]] std::string fetch_advice(const examination& subject, const std::vector<std::string>& paths,
                                       bool pointers);
[[nodiscard]] std::string fetch_advice(const package_tree& tree, const std::filesystem::path& root,
                                       const std::vector<std::string>& paths, bool pointers);

}  // namespace corral::package
