#pragma once
// What an Axera package holds: builds of the programs, the run scripts that start them, model files
// (docs/facts/vendor_ax.md#command-line, #package-layout).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "package/readers/reader.hpp"
#include "package/scripts/flag_binding.hpp"

namespace corral::package {

struct axera_build {
    std::string_view suffix;    // of the program's name: main_api_<suffix>
    bool board = false;         // runs on the AX650 itself; else on a host, and takes --devices
    std::uint16_t machine = 0;  // e_machine
};

// nullptr: no build runs on such a machine.
[[nodiscard]] const axera_build* build_for(const machine& here);

struct axera_program {
    const axera_build* build = nullptr;  // nullptr: of a kind that is not known
    bool serves = false;                 // main_api_*; else the console program
};

// Of "./main_api_axcl_x86"; nothing when it is none of Axera's programs.
[[nodiscard]] std::optional<axera_program> axera_program_of(std::string_view word);

// A command of a run script that starts one of them.
struct axera_script {
    std::string file;
    unsigned line = 0;
    axera_program program;
    std::vector<flag_word> flags;
    std::map<std::string, std::string> environment;
};

struct axera_scripts {
    std::vector<axera_script> usable;        // by file
    std::vector<catalog::finding> troubles;  // what of the others can't be known
};

// Of the scripts of the package's own folder, 64 at most.
[[nodiscard]] axera_scripts find_axera_scripts(const package_view& view);

// The one whose words fit this machine best: whose layer files are there, then the server's own for this
// build, the server's for another, then the console's. nullptr where there is none.
[[nodiscard]] const axera_script* nearest_script(const axera_scripts& among, const axera_build& wanted,
                                                 const package_view& view);

// What the model files of an Axera package say by their names and sizes, where no run script says it.
struct axera_files {
    std::vector<flag_word> flags;  // as a run script would have them; empty: there are no layers
    std::map<std::string, std::string> origins;  // of each flag
    std::vector<std::string> missing;            // for people: what was not found
};

// The largest set of numbered layers, the last stage and the embedding beside it; the embedding's rows and
// width from its size and a hidden size that some config.json of the package says.
[[nodiscard]] axera_files find_axera_files(const package_view& view);

// The words of Axera's polling server (docs/facts/vendor_ax.md#command-line): whether they can be meant so,
// and what they are in a manifest.
struct source_of_words {
    std::string where;                           // "run_x.sh"; empty: the files themselves
    std::string subject;                         // of findings
    bool from_server = true;                     // else of the console program, which has options of its own
    std::map<std::string, std::string> origins;  // by flag, where they are not `where`
    [[nodiscard]] std::string origin(const flag_word& flag) const {
        const auto own = origins.find(flag.name);
        return own != origins.end() ? own->second : where + at(flag) + ", " + flag.name;
    }
    // What a finding about the flag is about: its own line, where the command goes on over many.
    [[nodiscard]] std::string subject_of(const flag_word& flag) const {
        return where.empty() || flag.line == 0 ? subject : where + at(flag);
    }

private:
    [[nodiscard]] static std::string at(const flag_word& flag) {
        return flag.line == 0 ? std::string() : ":" + std::to_string(flag.line);
    }
};

// Puts the values into the variables that the profile's command has behind the same flags; what the server
// does not know is left out and noted. False, and an error, where a value is absurd or leads out of the
// package.
// REQUIRES: to.model
[[nodiscard]] bool bind_words(const std::vector<flag_word>& flags, const source_of_words& from,
                              const package_view& view, reading& out);

// --devices: on a host the server needs it, on the board it does not know it. `script` may be nullptr; that
// of another build says nothing about the cards of this machine. Takes to.model away where the words are
// absurd. REQUIRES: to.model
void set_devices(const package_view& view, const axera_build& build, const axera_script* script,
                 reading& out);

}  // namespace corral::package
