#pragma once
// The words of Axera's polling server (docs/facts/vendor_ax.md#command-line): whether they can be meant so,
// and what they are in a manifest.

#include <map>
#include <string>
#include <vector>

#include "package/readers/axera_contents.hpp"
#include "package/readers/reader.hpp"
#include "package/scripts/flag_binding.hpp"

namespace corral::package {

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
