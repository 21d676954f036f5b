#pragma once
// The vendor's run scripts (docs/facts/vendor_ax.md#package-layout) read as text: what they would start,
// without starting it. Understood are comments, quotes, continued lines, assignments and what refers to them,
// "export", "exec", redirections, and several commands; DOS line ends are let pass. Whatever only a run could
// tell is refused with its line.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::package {

struct script_command {
    std::vector<std::string> words;                  // never empty; the first is the program
    std::map<std::string, std::string> environment;  // set or exported for it by the script
    unsigned line = 0;                               // where it begins
    std::vector<unsigned> lines{};                   // of each word; a command may go on over many
    std::string unknown;  // "line 4: $1 is ...": what of it only a run could tell; then `words` are not it
    bool operator==(const script_command&) const = default;
};

constexpr std::size_t most_script_bytes = 1024 * 1024;
constexpr std::size_t most_script_words = 1000;
// Of all words once variables stand in them, and of what all commands together are given as environment.
constexpr std::size_t most_script_value_bytes = 1024 * 1024;
constexpr std::size_t most_script_environment_bytes = 4 * 1024 * 1024;

// All commands of `text` in order. Fails (errc::invalid) where the order itself depends on a run (conditions,
// loops, pipes, functions, "cd", "source"), on unclosed quotes and on what is no text, and
// (errc::limit_exceeded) beyond the bounds; the message begins with the line, "line 3: ...".
[[nodiscard]] core::result<std::vector<script_command>> parse_run_script(std::string_view text);

}  // namespace corral::package
