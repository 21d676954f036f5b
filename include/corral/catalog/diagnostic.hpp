#pragma once
// A complaint about a file that a person wrote, with the place to look at.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "corral/core/reason.hpp"

namespace corral::catalog {

struct diagnostic {
    std::string file;          // as it was opened; the variable's name for a word from the environment
    std::uint32_t line = 0;    // from 1; 0: no place in the file
    std::uint32_t column = 0;  // from 1
    core::reason message;      // one sentence, no final line break
};

// Called for each key that a file could set and does not, with the value that counts instead, as TOML has it.
using default_observer =
    std::function<void(const std::string& file, const std::string& key, std::string value)>;

// "configs/a.toml:12:3: unknown key 'prot'; did you mean 'port'?"
[[nodiscard]] std::string to_text(const diagnostic& what);

// The one of `candidates` that `typed` was probably meant to be (edit distance, case ignored); "" when none
// is near.
[[nodiscard]] std::string nearest(const std::string& typed, const std::vector<std::string>& candidates);
// The end of a sentence about a word that is none of `candidates`: "; did you mean 'port'?", "; there are
// tcp, http" where none is near, "" where there are none.
[[nodiscard]] std::string meant_instead(const std::string& typed, const std::vector<std::string>& candidates);

// What an examination has to say about a box, a package or a model, for people: one thing each, with what to
// do about it.
enum class severity {
    note,     // worth knowing
    warning,  // it works, or may work, but not as it should
    error,    // it can't work
};

struct finding {
    std::string id;  // stable, "file.lfs-pointer"; the part before the dot is what was looked at
    severity level = severity::error;
    std::string subject;  // "model qwen3:4b", or a path relative to what was examined; may be empty
    std::string what;     // one sentence, naming the file or figure
    std::string why;      // why it matters, one sentence; may be empty
    std::string fix;      // what to do: a sentence or a command; may be empty
    bool operator==(const finding&) const = default;
};

// Made of a message of the tables, which `what` is: its id, and what it means and what to do where `why` and `fix` are left
// out.
[[nodiscard]] finding finding_of(severity level, const core::reason& what, std::string subject = {},
                                 std::optional<std::string> why = {}, std::optional<std::string> fix = {});

// "error", "warning", "note".
[[nodiscard]] const char* severity_name(severity level) noexcept;

// One line: what, and what to do.
[[nodiscard]] std::string to_line(const finding& what);

}  // namespace corral::catalog
