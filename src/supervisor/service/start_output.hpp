#pragma once
// What a line that a loading service printed means. Only trusted before its first test: afterwards it may
// echo a prompt word for word (docs/facts/vendor_ax.md#start).

#include <optional>
#include <string_view>
#include <vector>

#include "corral/catalog/profile.hpp"

namespace corral::supervisor {

// Progress of a bar such as " 40% |####    | 2 / 5", 0..1: a number 0..100, a percent sign, then a bar, a
// bracket or the end of the line. Nothing when the line holds no bar.
[[nodiscard]] std::optional<double> progress_in(std::string_view line);

// The first entry whose pattern the line contains; null when none does.
[[nodiscard]] const catalog::log_meaning* meaning_of(const std::vector<catalog::log_meaning>& known,
                                                     std::string_view line);

}  // namespace corral::supervisor
