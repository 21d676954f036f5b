#pragma once
// What the text of a Python script says without being run: an honest guess, for names can be made at run
// time.

#include <cstddef>
#include <map>
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

// The versions that a package's requirements.txt asks for. Of a line only a name and version specifiers are taken, as
// PEP 508 and PEP 440 have them: options, further files, addresses, paths, extras, markers and hashes come from
// somebody else and would be pip's to follow, so a line with any of them counts as not there.

// Longer files are no lists of requirements, and give nothing.
inline constexpr std::size_t requirements_bytes = 64U * 1024;

// A package's name as indexes compare it: lower case, '-' for runs of '-', '_' and '.'.
[[nodiscard]] std::string canonical_name(std::string_view name);

// "transformers" -> ">=4.51,<5", by canonical name, without spaces. A name without a version is left out, and so is one
// that stands twice with different versions. At most 1,000 names.
[[nodiscard]] std::map<std::string, std::string> required_versions(std::string_view text);

}  // namespace corral::package
