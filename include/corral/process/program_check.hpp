#pragma once
// Says in one plain sentence why a program can't run here, and what to do: git-LFS pointer, wrong
// architecture, missing file, missing execute bit, text or HTML in place of a binary, truncated ELF, missing
// interpreter (docs/facts/vendor_ax.md#bad-files).

#include <optional>
#include <string>

#include "corral/process/child.hpp"

namespace corral::process {

struct program_fault {
    std::string id;        // stable: "lfs-pointer", "wrong-architecture", "missing", "not-executable",
                           // "not-a-program", "bad-directory" ...
    core::reason message;  // what is wrong, naming the path
    std::string advice;    // what to do
};

// Looks only; runs nothing. Also checks `working_directory`.
[[nodiscard]] std::optional<program_fault> check_program(const spawn_spec& spec);

}  // namespace corral::process
