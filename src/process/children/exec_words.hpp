#pragma once
// Arguments and environment as execve() takes them.

#include <string>
#include <vector>

namespace corral::process {

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
