#pragma once
// The tests of a benchmark as data: what is said to the model, and how it is shown in the report.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"

namespace corral::bench {

struct prompt_message {
    std::string role;  // system, user or assistant
    std::string content;
};

struct prompt_test {
    std::string id;
    std::string title;
    std::vector<prompt_message> messages;  // at least one
    std::vector<std::string> stop;
    std::string tools;   // a JSON array, or empty
    std::string format;  // "json" or a JSON schema, or empty
    std::string answer;  // likewise: what the answer must be, without any server being asked for it
    std::optional<bool> think;
    unsigned max_tokens = 2048;
};

struct prompt_set {
    std::string name;
    std::vector<prompt_test> tests;  // at least one; ids differ
};

// Reads a set from TOML, at most 1 MiB and 1000 tests. `name` is what the file is called in messages. Fails
// with invalid or limit_exceeded; the message says the line.
[[nodiscard]] core::result<prompt_set> parse_prompt_set(std::string_view text, const std::string& name);

}  // namespace corral::bench
