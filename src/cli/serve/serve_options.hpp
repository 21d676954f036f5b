#pragma once
// The words behind `corral serve`: the command reads them for its help, the program that it becomes to act on them.

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace corral::cli {

struct serve_options {
    std::optional<std::string> config;
    std::optional<std::string> listen;
    int handover_version = 0;  // of preflight
};

inline void add_serve_options(CLI::App& to, serve_options& options) {
    to.add_option("--config", options.config, "Configuration file (TOML); default: the standard locations")
        ->type_name("FILE");
    to.add_option("--listen", options.listen, "Address to listen on; overrides the configuration file")
        ->type_name("ADDR:PORT");
}

inline void add_preflight_options(CLI::App& to, serve_options& options) {
    add_serve_options(to, options);
    to.add_option("--handover-version", options.handover_version)->required();
}

// As they would be typed.
inline std::vector<std::string> words_of(const serve_options& options) {
    std::vector<std::string> words;
    if (options.config) {
        words.insert(words.end(), {"--config", *options.config});
    }
    if (options.listen) {
        words.insert(words.end(), {"--listen", *options.listen});
    }
    return words;
}

}  // namespace corral::cli
