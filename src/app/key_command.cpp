#include "key_command.hpp"

#include <array>
#include <ctime>
#include <filesystem>
#include <iostream>

#include "configuration_access.hpp"
#include "key_file.hpp"

namespace corral::app {

namespace {

namespace fs = std::filesystem;

int fail(const std::string& why) {
    std::cerr << "error: " << why << '\n';
    return 1;
}

core::result<fs::path> file_of(const key_command& asked) {
    if (asked.file) {
        return fs::path(*asked.file);
    }
    if (auto named = configured_keys_file(asked.config)) {
        return *std::move(named);
    }
    return core::make_failure(core::errc::not_found,
                              "which file? Say --file FILE, or --config FILE with a configuration that has "
                              "'keys' in [access] ('" +
                                  asked.config + "' names none)");
}

std::string today() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 16> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
    return text.data();
}

int make(const fs::path& file, const std::string& name) {
    const auto key = make_key();
    if (!key) {
        return fail(key.error().message);
    }
    if (const auto added = add_key(file, name, *key, today()); !added) {
        return fail(added.error().message);
    }
    std::cout << *key << std::endl;
    std::cerr << "This is the key of '" << name << "'. It is shown this once: " << file.string()
              << " holds only its SHA-256. A running Corral takes it within seconds.\n";
    return 0;
}

int list(const fs::path& file) {
    const key_file_reading read = read_key_file(file);
    for (const std::string& text : read.warnings) {
        std::cerr << "warning: " << text << '\n';
    }
    for (const catalog::diagnostic& wrong : read.errors) {
        std::cerr << "error: " << (wrong.line == 0 ? wrong.message : catalog::to_text(wrong)) << '\n';
    }
    if (!read.value) {
        return 1;
    }
    for (const api::key_entry& each : read.value->all()) {
        std::cout << each.name << '\n';
    }
    return 0;
}

int remove(const fs::path& file, const std::string& name) {
    if (const auto removed = remove_key(file, name); !removed) {
        return fail(removed.error().message);
    }
    std::cerr << "The key of '" << name << "' is gone; a running Corral refuses it within seconds.\n";
    return 0;
}

}  // namespace

int run_key_command(const key_command& asked) {
    const auto file = file_of(asked);
    if (!file) {
        return fail(file.error().message);
    }
    switch (asked.what) {
        case key_command::action::make:
            return make(*file, asked.name);
        case key_command::action::remove:
            return remove(*file, asked.name);
        case key_command::action::list:
            break;
    }
    return list(*file);
}

}  // namespace corral::app
