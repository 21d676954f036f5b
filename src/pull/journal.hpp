#pragma once
// What lies in a work folder besides bytes. A loss of it costs time alone: what lies there is hashed again anyway.

#include <map>
#include <string>
#include <string_view>

namespace corral::pull {

struct journal {
    std::string source;                        // source_text()
    std::string commit;                        // of a hub; else empty
    std::map<std::string, std::string> etags;  // of parts, by the checksum that is their name
    bool operator==(const journal&) const = default;
};

[[nodiscard]] std::string journal_text(const journal& of);

// Of a text that a power cut may have left; an empty journal for one that is none, or of another version.
[[nodiscard]] journal parse_journal(std::string_view text);

}  // namespace corral::pull
