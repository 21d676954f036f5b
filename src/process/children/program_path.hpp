#pragma once
// Where the program of a spawn_spec is. Done before the fork, for nothing may be looked up between fork and
// exec.

#include <string>
#include <string_view>

#include "corral/core/result.hpp"
#include "corral/process/child.hpp"

namespace corral::process {

// What to give to execve after the working directory was entered: argv[0] itself when it holds a '/', else an
// absolute path found through PATH of the child's environment. Fails with ENOENT, or with EACCES when only
// files without the right to be executed have that name.
[[nodiscard]] core::result<std::string> find_program(const spawn_spec& what);

// The same file as seen from our own working directory.
[[nodiscard]] std::string seen_from_here(const std::string& path, const spawn_spec& what);

// A word as people read it, in single quotes.
[[nodiscard]] std::string in_quotes(std::string_view word);

}  // namespace corral::process
