#pragma once
// corral(1): the commands and their options from the tree of commands, the rest by hand.

#include <string>

namespace CLI {
class App;
}

namespace corral::cli {

// In the language of man(7).
[[nodiscard]] std::string man_page(const CLI::App& root);

// `text` as roff shows it word for word: backslashes, hyphens, and lines that begin like a request.
[[nodiscard]] std::string roff_text(const std::string& text);

}  // namespace corral::cli
