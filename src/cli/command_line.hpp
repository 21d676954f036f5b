#pragma once
// The commands of the program: serve, check, status, start, stop, restart, reload, key, version.

namespace corral::cli {

// Runs the command that the arguments name; the exit status of the program.
[[nodiscard]] int run_command_line(int argc, const char* const* argv);

}  // namespace corral::cli
