#pragma once
// Shows how far models have loaded while a person waits.

#include <filesystem>
#include <vector>

#include "cli/base/terminal.hpp"
#include "corral/control/admin_client.hpp"

namespace corral::cli {

// Asks the daemon `question`, which may take as long as `longest`, and meanwhile shows on standard error what troubles
// models that load, and, where that is a terminal, a bar for each.
[[nodiscard]] core::result<control::admin_json> ask_with_bars(
    const std::vector<std::filesystem::path>& places, const control::admin_question& question,
    core::seconds longest, const text_style& style);

// The status again and again until nothing loads any more: drawn anew on a terminal, elsewhere a line for
// each ten per cent of a load. As JSON: an object a line for each change. The exit status of the program: 1
// when the daemon does not answer, or a model is broken.
[[nodiscard]] int watch_status(const std::vector<std::filesystem::path>& places, bool as_json,
                               const text_style& style);

}  // namespace corral::cli
