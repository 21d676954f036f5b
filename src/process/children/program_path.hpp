#pragma once
// Where the program of a spawn_spec is.

#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"
#include "corral/process/child.hpp"

namespace corral::process {

// What may be given to execve after the working directory was entered, in this order: argv[0] itself when it holds a
// '/', else a path for each folder of PATH in the child's environment. Looks at no file. REQUIRES: argv[0] is not
// empty.
[[nodiscard]] std::vector<std::string> places_of(const spawn_spec& spec);

// The one of them that is there; of PATH, as an absolute path. Waits for disks. Fails with ENOENT, or with EACCES when
// only files without the right to be executed have that name.
[[nodiscard]] core::result<std::string> find_program(const spawn_spec& spec);

// The same file as seen from our own working directory.
[[nodiscard]] std::string seen_from_here(const std::string& path, const spawn_spec& spec);

// A word as people read it, in single quotes.
[[nodiscard]] std::string in_quotes(std::string_view word);

// Arguments and environment as execve() takes them.

// Ended by a null pointer; valid while `words` lives and is not changed.
[[nodiscard]] inline std::vector<char*> pointers_of(const std::vector<std::string>& words) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (const std::string& word : words) {
        pointers.push_back(const_cast<char*>(word.c_str()));  // execve's signature; it changes nothing
    }
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace corral::process
