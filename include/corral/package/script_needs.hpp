#pragma once
// What the text of a Python script needs of the Python that will run it, for those who have no package yet.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace corral::package {

// Top-level modules that the script imports whatever happens, and of `more` (a word: the module that it brings along)
// those whose word is in it. Sorted, each once. Nothing of it is run.
[[nodiscard]] std::vector<std::string> modules_of_script(std::string_view text,
                                                         const std::map<std::string, std::string>& more);

}  // namespace corral::package
