#pragma once
// Where the files lie that come with the program: beside it, then in the system's usual places.

#include <filesystem>
#include <string_view>
#include <vector>

namespace corral::core {

// The folders that may hold `kind` ("vendor", "catalogue", ...), the likeliest first; none of them need be there.
[[nodiscard]] std::vector<std::filesystem::path> shipped_folders(std::string_view kind);

}  // namespace corral::core
