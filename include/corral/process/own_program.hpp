#pragma once
// Where the programs of this installation are. They lie in one folder.

#include <filesystem>
#include <string>
#include <string_view>

namespace corral::process {

// The file of this process; empty where /proc does not say.
[[nodiscard]] std::filesystem::path own_program();

// The program `name` of the same folder, which need not be there.
[[nodiscard]] std::filesystem::path program_beside(std::string_view name);

// `program` as it was called (`argv0`, by PATH where that has no '/'), so that a symbolic link that is turned to another
// version is followed at the next upgrade; `program` itself where `argv0` is another one.
[[nodiscard]] std::string as_called(const std::string& argv0, const std::filesystem::path& program);

}  // namespace corral::process
