#pragma once
// What the text of a Python script says without being run: an honest guess, for names can be made at run
// time.

#include <string>
#include <string_view>
#include <vector>

namespace corral::package {

// One statement, comments removed, brackets and continued lines joined.
struct python_line {
    std::size_t indent = 0;
    std::string bare;   // strings emptied
    std::string whole;  // with strings
};

// At most 100,000 lines.
[[nodiscard]] std::vector<python_line> python_lines(std::string_view text);

// Top-level modules that are imported whatever happens: not inside functions, conditions or try. Without
// relative ones. Sorted, each once, names that Python could have.
[[nodiscard]] std::vector<std::string> imported_modules(const std::vector<python_line>& lines);

// What is given to from_pretrained(), where it is a plain text or a name that one is assigned to.
[[nodiscard]] std::vector<std::string> pretrained_names(const std::vector<python_line>& lines);

}  // namespace corral::package
