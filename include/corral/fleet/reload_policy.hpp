#pragma once
// What a new configuration means for a server that runs on an old one. Decides only.

#include <string>
#include <vector>

#include "corral/config/configuration.hpp"

namespace corral::fleet {

struct reload_plan {
    // Names of models, each in the order of its configuration.
    std::vector<std::string> removed;
    std::vector<std::string> added;
    std::vector<std::string> changed;
    std::vector<std::string> unchanged;
    // Keys whose new value takes effect at the next start.
    std::vector<std::string> later;
};

[[nodiscard]] reload_plan plan_reload(const config::configuration& now, const config::configuration& wanted);

// True when both would be run in the same way and shown alike. What is merely found in the package (sizes,
// digest, times) does not count: a runtime may write there. Nor does the file that says it.
[[nodiscard]] bool same_setup(const catalog::model_entry& a, const catalog::model_entry& b);

// A model that is served and whose manifest has a mistake now stays as it is, if its names are still free:
// added to the models of `wanted`. Their names.
std::vector<std::string> keep_served(const config::configuration& now, config::configuration& wanted);

// The state directory in force is that of the models of `wanted` too, for another one counts from the next start.
void keep_folders(const config::configuration& now, config::configuration& wanted);

// Why a configuration that lost everything is not taken without a word: a file whose writing was cut short, or a
// folder that is not mounted, looks like that. Empty: it may be taken.
[[nodiscard]] std::string refuse_emptied(const config::configuration& now,
                                         const config::configuration& wanted);

// `wanted`, but for what takes effect at the next start only.
[[nodiscard]] config::configuration settings_after(const config::configuration& now,
                                                   config::configuration wanted);

}  // namespace corral::fleet
