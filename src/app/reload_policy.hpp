#pragma once
// What a new configuration means for a server that runs on an old one. Decides only.

#include <string>
#include <vector>

#include "corral/app/configuration.hpp"

namespace corral::app {

struct reload_plan {
    // Names of models, each in the order of its configuration.
    std::vector<std::string> removed;
    std::vector<std::string> added;
    std::vector<std::string> changed;
    std::vector<std::string> unchanged;
    // Keys whose new value takes effect at the next start.
    std::vector<std::string> later;
};

[[nodiscard]] reload_plan plan_reload(const configuration& now, const configuration& wanted);

// True when both would be run in the same way and shown alike. What is merely found in the package (sizes,
// digest, times) does not count: a runtime may write there. Nor does the file that says it.
[[nodiscard]] bool same_setup(const catalog::model_entry& a, const catalog::model_entry& b);

// A model that is served and whose manifest has a mistake now stays as it is, if its names are still free:
// added to the models of `wanted`. Their names.
std::vector<std::string> keep_served(const configuration& now, configuration& wanted);

// `wanted`, but for what takes effect at the next start only.
[[nodiscard]] configuration settings_after(const configuration& now, configuration wanted);

}  // namespace corral::app
