#pragma once
// Shell completion, from the tree of commands itself: the scripts only ask `corral complete` what could come
// next.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace corral::cli {

struct candidate {
    std::string word;
    std::string about;  // one line; may be empty
};

struct completion {
    std::vector<candidate> candidates;
    bool files = false;    // names of files too, which the shell knows
    bool folders = false;  // only of folders
};

// Names of that kind, "MODEL" or "SERVICE" (the type_name of an option), for which that command works now; may be slow,
// and is called at most once.
using name_source =
    std::function<std::vector<std::string>(const std::string& kind, const std::string& command)>;

// Whether the command does something for a model in that state; `own`: a manifest says it.
[[nodiscard]] bool works_for(const std::string& command, const std::string& state, bool own);

// What the last of `words` could become; they follow the program's name, the last may be empty. An option
// says by its type_name() what it takes: FILE, DIR, MODEL, SERVICE, or choices as "bash|zsh|fish".
[[nodiscard]] completion complete(const CLI::App& root, const std::vector<std::string>& words,
                                  const name_source& names);

// For one line of `corral complete` each: "WORD<tab>ABOUT", then ":files" or ":folders".
[[nodiscard]] std::string completion_lines(const completion& found);

// The script for "bash", "zsh" or "fish".
[[nodiscard]] std::optional<std::string_view> completion_script(std::string_view shell);

}  // namespace corral::cli
