#include "logs_command.hpp"

#include <charconv>
#include <filesystem>
#include <iostream>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/telemetry/crash_store.hpp"
#include "crash_text.hpp"
#include "state_directory.hpp"

namespace corral::app {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

int fail(const std::string& why) {
    std::cerr << "error: " << why << '\n';
    return 1;
}

fs::path folder_of(const logs_command& asked, const std::map<std::string, std::string>& environment) {
    if (asked.state) {
        return crash_folder(*asked.state);
    }
    if (const auto named = configured_state_directory(asked.config)) {
        return crash_folder(*named);
    }
    const fs::path usual = usual_state_directory(environment);
    std::error_code ignored;  // one that can't be looked at is not there for us
    if (!usual.empty() && fs::exists(crash_folder(usual), ignored)) {
        return crash_folder(usual);
    }
    // StateDirectory= of the unit that comes with Corral.
    const fs::path service = "/var/lib/corral";
    return crash_folder(fs::exists(service, ignored) || usual.empty() ? service : usual);
}

// Null when it is no JSON. Much deeper than ours it is not looked into.
json parsed(const std::string& text) {
    constexpr int deepest = 16;
    json out = json::parse(
        text, [](int depth, json::parse_event_t, json&) { return depth <= deepest; }, false);
    return out.is_discarded() ? json() : out;
}

int show_list(const fs::path& folder, const std::vector<std::string>& names, bool as_json) {
    json all = json::array();
    for (const std::string& name : names) {
        const auto text = telemetry::read_crash(folder, name);
        all.push_back(summary(name, text ? parsed(*text) : json()));
    }
    if (as_json) {
        std::cout << all.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
    } else if (names.empty()) {
        std::cout << "Nothing is kept in " << folder.string() << ".\n";
    } else {
        std::cout << list_text(all) << "\nSee one with 'corral logs --crash N'.\n";
    }
    return 0;
}

// The name that is meant; empty: none.
std::string chosen(const std::vector<std::string>& names, const std::string& which) {
    std::size_t number = 0;
    const auto read = std::from_chars(which.data(), which.data() + which.size(), number);
    if (read.ec == std::errc{} && read.ptr == which.data() + which.size()) {
        return number >= 1 && number <= names.size() ? names[number - 1] : std::string();
    }
    for (const std::string& name : names) {
        if (name == which || name == which + ".json") {
            return name;
        }
    }
    return {};
}

int show_one(const fs::path& folder, const std::string& name, bool as_json) {
    const auto text = telemetry::read_crash(folder, name);
    if (!text) {
        return fail(text.error().message);
    }
    if (as_json) {
        std::cout << *text;
        return 0;
    }
    const json bundle = parsed(*text);
    if (!bundle.is_object()) {
        return fail("'" + (folder / name).string() + "' is damaged");
    }
    std::cout << (folder / name).string() << "\n\n" << bundle_text(bundle);
    return 0;
}

}  // namespace

int run_logs_command(const logs_command& asked, const std::map<std::string, std::string>& environment) {
    const fs::path folder = folder_of(asked, environment);
    const auto names = telemetry::list_crashes(folder);
    if (!names) {
        return fail(names.error().message + "; run this as the user that runs Corral, or say --state DIR");
    }
    if (asked.which.empty()) {
        return show_list(folder, *names, asked.json);
    }
    const std::string name = chosen(*names, asked.which);
    if (name.empty()) {
        return fail("there is no '" + asked.which + "' among the " + std::to_string(names->size()) +
                    " bundles in " + folder.string());
    }
    return show_one(folder, name, asked.json);
}

}  // namespace corral::app
