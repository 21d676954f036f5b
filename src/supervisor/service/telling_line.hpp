#pragma once
// Of what a process prints before its first test, the line that tells a person most of why it ends: an exception's own
// words before a word of trouble, and of equals the last.

#include <string>
#include <string_view>

namespace corral::supervisor {

class telling_line {
public:
    void hear(std::string_view line);
    [[nodiscard]] const std::string& line() const noexcept { return line_; }  // without blanks round it

private:
    std::string line_;
    int weight_ = 0;
};

// 2: "ValueError: ...", "OSError: ..."; 1: another line that speaks of trouble; 0: any other.
[[nodiscard]] int telling_weight(std::string_view line);

// The line says that a process or thread was refused: "bash: fork: retry: Resource temporarily unavailable".
[[nodiscard]] bool names_refused_task(std::string_view line);

}  // namespace corral::supervisor
