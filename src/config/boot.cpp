#include "corral/config/boot.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "corral/catalog/package_survey.hpp"
#include "corral/config/server_places.hpp"
#include "corral/core/files.hpp"
#include "corral/core/json.hpp"
#include "corral/core/say.hpp"
#include "corral/core/state_format.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int format_version = 1;
constexpr std::string_view mark = "# corral last good ";
constexpr std::string_view blank = " \t\r";

fs::path place_in(const fs::path& state_directory) {
    return state_directory / "last_good.toml";
}

std::string full_name(const fs::path& file) {
    std::error_code unknown_folder;  // then as it was said
    const fs::path full = fs::absolute(file, unknown_folder);
    return (unknown_folder ? file : full).lexically_normal().string();
}

core::failure unusable(const fs::path& place, const std::string& why) {
    return core::make_failure(core::errc::invalid,
                              core::say("configuration.stands-in/good-copy", place.string(), why));
}

// Empty: it is Corral's own.
std::string stranger(const core::private_file& of) {
    if (of.owner != ::geteuid()) {
        return "it belongs to another user";
    }
    return (of.mode & (S_IWGRP | S_IWOTH)) != 0 ? "others may write it" : std::string();
}

bool names_door(std::string_view key) {
    constexpr std::array<std::string_view, 7> words{"listen", "allow_unauthenticated", "access", "keys",
                                                    "tls",    "certificate",           "key"};
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    while (!key.empty()) {
        key.remove_prefix(std::min(key.find_first_of(letters), key.size()));
        const std::string_view word = key.substr(0, key.find_first_not_of(letters));
        if (std::ranges::find(words, word) != words.end()) {
            return true;
        }
        key.remove_prefix(word.size());
    }
    return false;
}

// Without what stands outside of quotes and says nothing.
std::string bare(std::string_view line) {
    std::string out;
    char quote = 0;
    for (const char c : line) {
        if (quote == 0 && c == '#') {
            break;
        }
        if (quote == 0 && blank.find(c) != std::string_view::npos) {
            continue;
        }
        if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote) {
            quote = 0;
        }
        out += c;
    }
    return out;
}

bool is_there(const fs::path& file) {
    std::error_code unreadable;
    return fs::exists(file, unreadable);
}

configuration_result read_apart(configuration_source source, std::optional<std::string> text) {
    source.text = std::move(text);
    source.leaves_out_models = true;
    return load_configuration(source);
}

// `said`: the reading of the file, which is no good.
configuration_result in_its_place(configuration_result read, const configuration_result& said,
                                  std::string served) {
    read.value->in_place = stand_in{std::move(served), said.errors, false};
    read.text = said.text;
    return read;
}

// What the file says of its door is not known where it says nothing at all; then all is as it was before.
bool door_differs(const std::string& said, const std::string& copy) {
    return !is_wiped(said) && door_lines(said) != door_lines(copy);
}

}  // namespace

core::result<last_good> read_last_good(const fs::path& state_directory, const fs::path& file) {
    const fs::path place = place_in(state_directory);
    auto whole = core::read_private_file(place);
    if (!whole && whole.error().code == core::error_code(ENOENT, boost::system::system_category())) {
        return core::make_failure(core::errc::not_found, core::say("configuration.stands-in/last-good"));
    }
    if (!whole) {
        return unusable(place, whole.error().message);
    }
    if (const std::string why = stranger(*whole); !why.empty()) {
        return unusable(place, why);
    }
    const std::size_t end = whole->text.find('\n');
    if (!whole->text.starts_with(mark) || end == std::string::npos) {
        return unusable(place, "it is damaged");
    }
    const json facts = core::parse_json(std::string_view(whole->text).substr(mark.size(), end - mark.size()));
    const auto fact = [&](const char* name) {
        return facts.is_object() && facts.contains(name) && facts[name].is_string()
                   ? facts[name].get<std::string>()
                   : std::string();
    };
    if (core::is_newer_format(facts, "format", format_version)) {
        return core::newer_format(place);
    }
    if (facts.is_object() && facts.value("format", json()) != format_version) {
        return unusable(place, "another version of Corral wrote it");
    }
    last_good out{whole->text.substr(end + 1), fact("written")};
    const auto digest = catalog::sha256_hex(out.text);
    if (!digest || *digest != fact("sha256")) {
        return unusable(place, "it is damaged");
    }
    if (fact("of") != full_name(file)) {
        return unusable(place, "it is the copy of another file");
    }
    return out;
}

core::result<void> keep_last_good(const fs::path& state_directory, const fs::path& file,
                                  const std::string& text, const std::string& now) {
    const auto before = read_last_good(state_directory, file);
    if (before && before->text == text) {
        return {};
    }
    if (!before && before.error().code == core::errc::refused) {
        return before.error();
    }
    const auto digest = catalog::sha256_hex(text);
    if (!digest) {
        return digest.error();
    }
    if (auto made = core::make_private_folder(state_directory); !made) {
        return made;
    }
    const json facts = {
        {"format", format_version}, {"sha256", *digest}, {"written", now}, {"of", full_name(file)}};
    constexpr mode_t private_mode = 0600;
    core::private_file whole{std::string(mark), private_mode, ::geteuid(), ::getegid()};
    whole.text += facts.dump(-1, ' ', true, json::error_handler_t::replace) + '\n' + text;
    return core::replace_private_file(place_in(state_directory), whole);
}

std::vector<std::string> door_lines(std::string_view text) {
    std::vector<std::string> out;
    bool inside = false;
    while (!text.empty()) {
        const std::string line = bare(text.substr(0, text.find('\n')));
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
        if (line.starts_with('[')) {
            inside = line == "[access]" || line == "[tls]";
        }
        if (!line.empty() && (inside || names_door(std::string_view(line).substr(0, line.find('='))))) {
            out.push_back(line);
        }
    }
    return out;
}

bool is_wiped(std::string_view text) {
    constexpr std::string_view nothing(" \t\r\n\0", 5);
    return text.find_first_not_of(nothing) == std::string_view::npos;
}

configuration_result load_for_boot(configuration_source source) {
    source.waits_for_credentials = true;
    configuration_result said = load_configuration(source);
    const bool wiped = said.value && is_wiped(said.text) && is_there(source.file);
    if (said.value && !wiped) {
        return said;
    }
    const fs::path state =
        configured_state_directory(source.file).value_or(usual_state_directory(source.environment));
    const auto copy = state.empty()
                          ? core::result<last_good>(core::make_failure(
                                core::errc::not_found, core::say("configuration.stands-in/folder-last")))
                          : read_last_good(state, source.file);
    if (wiped && (!copy || is_wiped(copy->text))) {
        return said;
    }
    if (wiped) {
        said.errors.push_back({source.file.string(), 0, 0, core::say("configuration.wiped")});
        said.value.reset();
    }
    if (copy) {
        const std::string name = "the last good copy (" + copy->written + ")";
        configuration_source again = source;
        again.text = copy->text;
        configuration_result read = load_configuration(again);
        const bool whole = read.value.has_value();
        if (!whole) {
            read = read_apart(source, copy->text);
        }
        if (read.value) {
            auto out =
                in_its_place(std::move(read), said, whole ? name : name + " without the faulty models");
            out.value->in_place->door_differs = door_differs(said.text, copy->text);
            return out;
        }
    }
    if (auto read = read_apart(source, std::nullopt); read.value && !wiped) {
        return in_its_place(std::move(read), said, "the file without the faulty models");
    }
    // Of the command line and of the environment no copy could stand in for.
    const auto is_of_file = [&](const catalog::diagnostic& one) {
        return one.file != "--listen" && one.file != "OLLAMA_HOST";
    };
    if (!copy && std::ranges::any_of(said.errors, is_of_file)) {
        said.errors.push_back({source.file.string(), 0, 0, copy.error().message});
    }
    return said;
}

}  // namespace corral::config
