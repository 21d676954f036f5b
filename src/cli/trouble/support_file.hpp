#pragma once
// What `corral support` writes: one text file of parts, bounded, readable before it leaves the box.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/base/daemon_place.hpp"

namespace corral::cli {

struct support_part {
    std::string name;   // "configuration"
    std::string about;  // a line for people: what it holds, or why it is empty
    std::string text;
};

enum class support_cut { front, back };  // which end of a long text goes

// `text` within `most` bytes, in whole lines, with a word on what was cut; control characters made visible.
[[nodiscard]] std::string support_text(std::string_view text, std::size_t most, support_cut cut);

// All parts, each behind a line "==== NAME: ABOUT". `title`: the first line.
[[nodiscard]] std::string support_file(std::string_view title, const std::vector<support_part>& parts);

// A line a part: its name, size and what it holds.
[[nodiscard]] std::string support_list(const std::vector<support_part>& parts);

// A black box bundle without what its services printed, where that may hold prompts and answers.
[[nodiscard]] nlohmann::ordered_json without_lines(nlohmann::ordered_json bundle);

// Gathers the parts of a support file from the machine, the files of Corral and the daemon that runs.
struct support_request {
    daemon_place place;
    bool content = false;  // with what may hold prompts and answers
    std::map<std::string, std::string> environment;
};

// Blocks: on the disk, on the admin socket (10 s at most for each of three questions), on the status tools. What can't be
// had is a part that says why. Call it before any thread exists, as gather_examination().
[[nodiscard]] std::vector<support_part> gather_support(const support_request& request);

}  // namespace corral::cli
