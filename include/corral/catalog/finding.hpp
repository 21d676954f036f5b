#pragma once
// What an examination has to say about a box, a package or a model, for people: one thing each, with what to
// do about it.

#include <string>

namespace corral::catalog {

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

// "error", "warning", "note".
[[nodiscard]] const char* severity_name(severity level) noexcept;

// One line: what, and what to do.
[[nodiscard]] std::string to_line(const finding& what);

}  // namespace corral::catalog
