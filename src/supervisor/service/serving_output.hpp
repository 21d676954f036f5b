#pragma once
// What may be kept of a line that a serving process wrote to its standard error. Prompts are not printed
// there, but exceptions quote what they could not read: nlohmann's "last read: '...'" holds the text of an
// answer, a Python error the value it met (docs/facts/vendor_ax.md#start-log, #failures, F8b).

#include <string>
#include <string_view>

namespace corral::supervisor {

// `line` without what is quoted in it, and of an exception's words only those of the system ("[Errno 28] No
// space left on device"). Names of files and functions of a traceback, types of exceptions and plain messages
// stay.
[[nodiscard]] std::string without_quotations(std::string_view line);

}  // namespace corral::supervisor
