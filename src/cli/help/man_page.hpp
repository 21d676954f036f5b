#pragma once
// corral(1): the commands and their options from the tree of commands, the rest by hand.

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace corral::cli {

// In the language of man(7).
[[nodiscard]] std::string man_page(const CLI::App& root);

// `text` as roff shows it word for word: backslashes, hyphens, and lines that begin like a request.
[[nodiscard]] std::string roff_text(const std::string& text);

// A manual page made of a page of the documentation, so that both say the same.

// `markdown` as far as our pages use it: headings, paragraphs, tables, lists, fences, code, bold, links. `name`:
// "corral.toml"; `about`: the line of NAME.
[[nodiscard]] std::string man_page_of(std::string_view markdown, const std::string& name,
                                      const std::string& about);

}  // namespace corral::cli
