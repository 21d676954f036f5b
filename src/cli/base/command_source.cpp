#include "cli/base/command_source.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <string_view>

#include <unistd.h>

#include "corral/config/configuration_place.hpp"
#include "corral/engine/dialect.hpp"

namespace corral::cli {

namespace {

constexpr std::array<std::string_view, 12> known_names{"STATE_DIRECTORY", "RUNTIME_DIRECTORY",
                                                       "XDG_STATE_HOME",  "XDG_CONFIG_HOME",
                                                       "CORRAL_CONFIG",   "CLAUDE_CONFIG_DIR",
                                                       "CODEX_HOME",      "SUDO_USER",
                                                       "HF_ENDPOINT",     "HOME",
                                                       "NO_COLOR",        "TERM"};

}  // namespace

std::map<std::string, std::string> known_environment() {
    std::map<std::string, std::string> found;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        const std::string_view name = text.substr(0, equals);
        const bool known =
            name.starts_with("OLLAMA_") || std::ranges::find(known_names, name) != known_names.end();
        if (known && equals != std::string_view::npos) {
            found.emplace(name, text.substr(equals + 1));
        }
    }
    return found;
}

config::configuration_source source_of(const std::optional<std::string>& file,
                                       const std::map<std::string, std::string>& environment) {
    const config::configuration_place place = config::find_configuration(file, environment);
    config::configuration_source source;
    source.file = file ? std::filesystem::path(*file) : place.file;  // as it was said, in messages
    source.file_may_be_missing = !place.named;
    source.environment = environment;
    for (const engine::dialect_descriptor* dialect : engine::dialects()) {
        source.dialects.emplace_back(dialect->name);
    }
    return source;
}

std::optional<config::configuration> load_and_tell(const config::configuration_source& source) {
    config::configuration_result read = config::load_configuration(source);
    tell(read);
    return std::move(read.value);
}

void tell(const config::configuration_result& read) {
    for (const catalog::diagnostic& what : read.warnings) {
        std::cerr << "warning: " << catalog::to_text(what) << '\n';
    }
    for (const catalog::diagnostic& what : read.errors) {
        std::cerr << "error: " << catalog::to_text(what) << '\n';
    }
}

}  // namespace corral::cli
