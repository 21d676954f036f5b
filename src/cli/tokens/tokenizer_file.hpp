#pragma once
// A tokenizer.json of the hub, read by the library that it is written for (`tokenizers`, of Hugging Face) in a Python of its
// own. It holds no program; what it can do is take time and memory, and both have a bound.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/tokens/tokenizer_process.hpp"

namespace corral::cli {

// The file that `said` names: a tokenizer.json, or the one in a folder. Nothing: neither is there.
[[nodiscard]] std::optional<std::filesystem::path> tokenizer_file(const std::string& said);

// The tokens of `text` as it stands, texts of control tokens being such tokens. The first of `pythons` that has the library
// reads the file.
[[nodiscard]] core::result<tokenizer_answer> ask_tokenizer_file(
    const std::filesystem::path& file, const std::vector<std::string>& pythons, const std::string& text,
    core::nanoseconds patience = std::chrono::minutes(2));

}  // namespace corral::cli
