#pragma once
// How the program explains itself: commands in groups, an example each, lines that fit the terminal.

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace corral::cli {

// Gives each command of `program` its group and its example, and the help its form; call it once all are added.
// `columns`: the width of the terminal.
void shape_help(CLI::App& program, unsigned columns);

// `text` with lines of at most `columns`, broken between words; what hangs over begins where the text of the
// second column does.
[[nodiscard]] std::string wrapped_help(std::string_view text, unsigned columns);

}  // namespace corral::cli
