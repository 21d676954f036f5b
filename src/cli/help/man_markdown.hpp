#pragma once
// A manual page made of a page of the documentation, so that both say the same.

#include <string>
#include <string_view>

namespace corral::cli {

// `markdown` as far as our pages use it: headings, paragraphs, tables, lists, fences, code, bold, links. `name`:
// "corral.toml"; `about`: the line of NAME.
[[nodiscard]] std::string man_page_of(std::string_view markdown, const std::string& name,
                                      const std::string& about);

}  // namespace corral::cli
