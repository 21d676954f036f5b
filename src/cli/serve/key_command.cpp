// corral key new | list | remove.

#include <array>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/packages/serving_user.hpp"
#include "corral/config/configuration_access.hpp"
#include "corral/config/configuration_place.hpp"
#include "corral/config/key_file.hpp"
#include "corral/core/say.hpp"
#include "corral/core/time.hpp"
#include "corral/package/package_tree.hpp"

namespace corral::cli {

namespace {

struct key_command {
    enum class action { make, list, remove };
    action what = action::list;
    std::string name;                   // for make and remove
    std::optional<std::string> file;    // of keys; else the one that `config` names
    std::optional<std::string> config;  // else the usual places
    std::string scopes{"inference"};    // of a new one
    bool json = false;
};

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

core::result<fs::path> file_of(const key_command& asked) {
    if (asked.file) {
        return fs::path(*asked.file);
    }
    const config::configuration_place place = config::find_configuration(asked.config, known_environment());
    if (auto named = config::configured_keys_file(place.file)) {
        return *std::move(named);
    }
    // The service's own user changes the file too, for the page, and can't in the folder of its configuration.
    const bool of_unit = place.file.parent_path() == "/etc/corral";
    return core::make_failure(
        core::errc::not_found,
        place.there ? core::say("configuration.key-file/file", place.file.string(),
                                of_unit ? "/var/lib/corral/keys" : "keys")
                    : core::say("configuration.key-file/no-configuration", place.file.string()));
}

// When the key counts: not before the user who serves can read the file.
std::string what_follows(const fs::path& file, const std::optional<serving_user>& who) {
    const auto closed = who ? closed_file(*who, file) : std::nullopt;
    if (!closed) {
        return "A running Corral takes it within seconds.";
    }
    std::error_code ignored;  // the folder is named by its path then
    const std::string word = package::shell_word(closed->string());
    return "It does not count yet. " + core::say("configuration.closed", *closed, who->name) + ": sudo " +
           (fs::is_directory(*closed, ignored) ? "chmod a+x " : "chown " + who->name + " ") + word;
}

// What the unit makes at its first start, so that a key can be there before. A failure is told by what follows.
void make_state_folder(const fs::path& file, const serving_user& who) {
    const fs::path folder = file.parent_path();
    constexpr mode_t as_of_a_unit = 0755;
    if (folder == "/var/lib/corral" && ::mkdir(folder.c_str(), as_of_a_unit) == 0 &&
        ::chown(folder.c_str(), who.id, who.group) != 0) {
        ::rmdir(folder.c_str());
    }
}

int make(const fs::path& file, const std::string& name, const std::string& said, bool as_json,
         const std::optional<serving_user>& who) {
    const auto scopes = config::parse_scopes(said);
    if (!scopes) {
        return fail(core::say("configuration.key-file/scopes", said));
    }
    const auto key = config::make_key();
    if (!key) {
        return fail(key.error().message);
    }
    if (who) {
        make_state_folder(file, *who);
    }
    const auto owner = who ? std::optional(config::file_owner{who->id, who->group}) : std::nullopt;
    if (const auto added =
            config::add_key(file, name, *key, core::utc_text(std::chrono::system_clock::now(), "%Y-%m-%d"),
                            *scopes, {}, owner);
        !added) {
        return fail(added.error().message);
    }
    if (as_json) {
        std::cout << json{{"name", name}, {"key", *key}, {"scopes", said}}.dump(2) << std::endl;
    } else {
        std::cout << *key << std::endl;
    }
    std::cerr << "This is the key of '" << name << "'. It is shown this once: " << file.string()
              << " holds only its SHA-256. " << what_follows(file, who) << '\n';
    return 0;
}

int list(const fs::path& file, bool as_json) {
    const config::key_file_reading read = config::read_key_file(file);
    for (const std::string& text : read.warnings) {
        std::cerr << "warning: " << text << '\n';
    }
    if (!read.value) {
        std::vector<std::string> errors;
        for (const catalog::diagnostic& wrong : read.errors) {
            errors.push_back(wrong.line == 0 ? wrong.message : catalog::to_text(wrong));
        }
        const std::string last = errors.back();
        errors.pop_back();
        return fail(last, failed, errors);
    }
    json names = json::array();
    json keys = json::array();
    for (const config::key_entry& each : read.value->all()) {
        names.push_back(each.name);
        keys.push_back({{"name", each.name},
                        {"scopes", config::scopes_text(each.scopes)},
                        {"made_by", each.made_by.empty() ? json(nullptr) : json(each.made_by)}});
    }
    if (as_json) {
        std::cout << json{{"file", file.string()}, {"names", names}, {"keys", keys}}.dump(2) << '\n';
        return 0;
    }
    for (const config::key_entry& each : read.value->all()) {
        std::cout << each.name << "  " << config::scopes_text(each.scopes)
                  << (each.made_by.empty() ? "" : "  made by " + each.made_by) << '\n';
    }
    return 0;
}

int remove(const fs::path& file, const std::string& name, bool as_json) {
    const auto removed = config::remove_key(file, name);
    if (!removed) {
        const bool absent =
            removed.error().code == core::error_code(ENOENT, boost::system::system_category());
        return fail(absent ? core::say("configuration.key-file/make", removed.error())
                           : removed.error().message);
    }
    if (as_json) {
        std::cout << json{{"name", name}, {"removed", true}, {"had_made", *removed}}.dump(2) << '\n';
    }
    std::cerr << "The key of '" << name << "' is gone; a running Corral refuses it within seconds.\n";
    for (const std::string& made : *removed) {
        std::cerr << "It had made the key of '" << made << "', which still works: corral key remove " << made
                  << '\n';
    }
    return 0;
}

// Does it and tells the person; the exit status of the program. A new key goes to standard output, alone, and
// is kept nowhere; everything else that is said about it goes to standard error.
int run_key_command(const key_command& asked) {
    const auto file = file_of(asked);
    if (!file) {
        return fail(file.error().message);
    }
    switch (asked.what) {
        case key_command::action::make:
            return make(*file, asked.name, asked.scopes, asked.json,
                        find_serving_user({{}, asked.config, false},
                                          config::find_configuration(asked.config, known_environment()),
                                          known_environment()));
        case key_command::action::remove:
            return remove(*file, asked.name, asked.json);
        case key_command::action::list:
            break;
    }
    return list(*file, asked.json);
}

}  // namespace

// "key" with its own commands.
void add_key_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<key_command>();
    CLI::App* keys = program.add_subcommand("key", "Create, list and remove API keys");
    keys->require_subcommand(1);
    const auto add = [&](const char* name, const char* about, key_command::action what) {
        CLI::App* one = keys->add_subcommand(name, about);
        if (what != key_command::action::list) {
            one->add_option("name", asked->name,
                            "Name of the key: letters, digits, '_', '.', '-'; starts with a letter or digit")
                ->type_name("NAME")
                ->required();
        }
        if (what == key_command::action::make) {
            one->add_option(
                   "--scope", asked->scopes,
                   "Comma-separated scopes: inference (use models), observe (read status and metrics), "
                   "operate (change models, services and keys), pull (fetch and delete packages)")
                ->type_name("SCOPES");
        }
        one->add_option("--file", asked->file, "Key file; default: the one named in the configuration")
            ->type_name("FILE");
        one->add_flag("--json", asked->json, "Print JSON");
        one->add_option(
               "--config", asked->config,
               "Configuration file whose [access] names the key file; default: the standard locations")
            ->type_name("FILE");
        one->parse_complete_callback([asked, what, &context] {
            asked->what = what;
            context.run = [asked] { return run_key_command(*asked); };
        });
    };
    add("new", "Make a key, print it once and keep its SHA-256", key_command::action::make);
    add("list", "Print the names of the keys", key_command::action::list);
    add("remove", "Remove a key", key_command::action::remove);
}

}  // namespace corral::cli
