#pragma once
// How a command tells that it failed: in words on standard error, or, where --json was said, as one object on standard
// output, {"ok": false, "status": 1, "error": "..."}.

#include <functional>
#include <string>
#include <vector>

namespace corral::cli {

// Of the program. What else a command says by its status is in its own help.
enum exit_status : int { succeeded = 0, failed = 1, bad_configuration = 2, wrong_words = 2 };

// Said once, before a command runs.
void tell_failures_as_json(bool yes);

// Says why; `status` for it. `errors`: more of it, a line each.
[[nodiscard]] int fail(const std::string& why, int status = 1, const std::vector<std::string>& errors = {});

// What `run` gives; a path that it could not find out, which is thrown, is told.
[[nodiscard]] int run_told(const std::function<int()>& run);

}  // namespace corral::cli
