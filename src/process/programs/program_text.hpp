#pragma once
// Files in the place of a program that are text: scripts, and what a failed download leaves behind
// (docs/facts/vendor_ax.md#bad-files).

#include <optional>
#include <string>
#include <string_view>

#include "corral/process/program_check.hpp"

namespace corral::process {

// A file that begins with "#!": its interpreter must exist.
[[nodiscard]] std::optional<program_fault> check_script(const spawn_spec& spec, const std::string& path,
                                                        std::string_view head);

// Any other file that is not a program: says what it seems to be.
[[nodiscard]] program_fault explain_text(const std::string& path, std::string_view head);

}  // namespace corral::process
