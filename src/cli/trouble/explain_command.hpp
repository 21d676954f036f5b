#pragma once
// All messages and findings for people, with what each means.

#include <optional>
#include <string>
#include <vector>

namespace corral::cli {

struct message_entry {
    std::string id;                 // "request.queue-full", "port.taken", "file.lfs-pointer"
    std::vector<std::string> says;  // its wordings, of a message only
    std::string means;
    std::string why;  // it matters, of a finding of the doctor only
    std::string fix;
};

// In the order of the page.
[[nodiscard]] std::vector<message_entry> all_entries();
// By id or by the sentence; empty: nothing is known of it.
[[nodiscard]] std::optional<message_entry> find_entry(const std::string& asked);
// Those that have all longer words of the sentence, twelve at most; first those that have them in one wording, which is
// their first.
[[nodiscard]] std::vector<message_entry> entries_near(const std::string& sentence);
[[nodiscard]] std::string explanation(const message_entry& entry);
// A line for each, within `columns`.
[[nodiscard]] std::string entry_lines(const std::vector<message_entry>& entries, unsigned columns);
// A line for each of all, in groups.
[[nodiscard]] std::string message_listing(unsigned columns);
// messages.md in the package corral-doc, which the build makes.
[[nodiscard]] std::string messages_page();

}  // namespace corral::cli
