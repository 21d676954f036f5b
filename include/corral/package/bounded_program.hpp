#pragma once
// A program that is run to its end, with a deadline and a bound on what it prints. Blocks.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace corral::package {

struct bounded_program {
    std::vector<std::string> command;
    std::vector<std::string> variables;  // of its environment, "NAME=value"
    std::chrono::milliseconds patience{0};
    bool errors_too = false;  // standard error is read as well; else it goes nowhere
    // Root runs it as the first other owner of its file, of `target` or of a folder above these, as they are named:
    // whoever could put other code there. By setpriv of util-linux.
    bool as_owner = false;
    std::string target = {};  // the folder it writes to; may be empty
};

struct program_end {
    bool whole = false;  // it ended in time, and `output` is all of it
    int status = -1;     // -1: ended by a signal
    std::string output;  // its end, where there was more than 64 KiB
};

// process::clean_environment(), for `variables`.
[[nodiscard]] std::vector<std::string> clean_variables();

// Nothing: it could not be started. It starts in '/', leads a group of its own and inherits no descriptor; past its
// time the group is killed.
[[nodiscard]] std::optional<program_end> run_bounded(const bounded_program& what);

}  // namespace corral::package
