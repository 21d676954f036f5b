#pragma once
// What a line that a service printed means. A meaning is only trusted before the first test: afterwards a line may echo
// a prompt word for word (docs/facts/vendor_ax.md#start).

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/profile.hpp"

namespace corral::supervisor {

// Progress of a bar such as " 40% |####    | 2 / 5", 0..1: a number 0..100, a percent sign, then a bar, a
// bracket or the end of the line. Nothing when the line holds no bar.
[[nodiscard]] std::optional<double> progress_in(std::string_view line);

// The first entry whose pattern the line contains, and that is not `quoted` (may be empty); null when none is.
[[nodiscard]] const catalog::log_meaning* meaning_of(
    const std::vector<catalog::log_meaning>& known, std::string_view line,
    const std::function<bool(std::string_view words)>& quoted = {});

// Of what a process prints before its first test, the line that tells a person most of why it ends: an exception's own
// words before a word of trouble, and of equals the last.
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
