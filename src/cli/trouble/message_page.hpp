#pragma once
// All messages and findings for people, with what each means.

#include <string>
#include <vector>

namespace corral::cli {

// By id ("request.queue-full", "port.taken", "file.lfs-pointer") or by the sentence; empty: nothing is known of it.
[[nodiscard]] std::string explanation(const std::string& asked);
// A line for each that has all these words, twelve at most.
[[nodiscard]] std::string messages_about(const std::vector<std::string>& words, unsigned columns);
// A line for each, within `columns`.
[[nodiscard]] std::string message_listing(unsigned columns);
// messages.md in the package corral-doc, which the build makes.
[[nodiscard]] std::string messages_page();

}  // namespace corral::cli
