#pragma once
// The versions that a package's requirements.txt asks for. Of a line only a name and version specifiers are taken, as
// PEP 508 and PEP 440 have them: options, further files, addresses, paths, extras, markers and hashes come from
// somebody else and would be pip's to follow, so a line with any of them counts as not there.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace corral::package {

// Longer files are no lists of requirements, and give nothing.
inline constexpr std::size_t requirements_bytes = 64U * 1024;

// A package's name as indexes compare it: lower case, '-' for runs of '-', '_' and '.'.
[[nodiscard]] std::string canonical_name(std::string_view name);

// "transformers" -> ">=4.51,<5", by canonical name, without spaces. A name without a version is left out, and so is one
// that stands twice with different versions. At most 1,000 names.
[[nodiscard]] std::map<std::string, std::string> required_versions(std::string_view text);

}  // namespace corral::package
