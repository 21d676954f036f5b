#pragma once
// Asks a Python which modules it can find. It is started in isolation, in the root folder, and looks for
// specifications only; nothing is imported, so nothing of a package runs.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace corral::package {

// Those of `modules` that are not there; nothing when `python` gives no answer in time. Names that Python
// could not have are not asked for and not reported. `python` is a path or a word of PATH. Blocks.
[[nodiscard]] std::optional<std::vector<std::string>> ask_for_modules(const std::string& python,
                                                                      const std::vector<std::string>& modules,
                                                                      std::chrono::milliseconds patience);

}  // namespace corral::package
