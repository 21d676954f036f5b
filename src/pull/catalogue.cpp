#include "corral/pull/catalogue.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/core/files.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/pull/pulled_marker.hpp"

namespace corral::pull {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 200;  // of a folder
constexpr std::size_t most_packages = 32;
constexpr std::size_t most_expected = 10'000;
constexpr std::int64_t most_megabytes = std::int64_t{16} * 1024 * 1024;

std::vector<std::string> kind_words() {
    std::vector<std::string> out;
    for (const box_kind_name& one : box_kinds()) {
        out.emplace_back(one.word);
    }
    return out;
}

bool is_hub_name(std::string_view name) {
    constexpr std::string_view marks = "-._";
    const auto parts = core::split(name, '/');
    return parts.size() == 2 && is_inner_path(name) && std::ranges::all_of(name, [&](char c) {
               return c == '/' || core::is_digit(c) || core::is_letter(c) ||
                      marks.find(c) != std::string_view::npos;
           });
}

bool is_sha256(std::string_view text) {
    constexpr std::size_t digits = 64;
    return text.size() == digits && std::ranges::all_of(text, [](char c) { return core::hex_value(c) >= 0; });
}

bool is_day(std::string_view text) {
    constexpr std::string_view shape = "0000-00-00";
    return std::ranges::equal(text, shape,
                              [](char c, char of) { return of == '0' ? core::is_digit(c) : c == of; });
}

// Of "1.7B" or "494M", in millions; 0: not said.
double parameters_of(const catalogue_model& model) {
    constexpr double billion = 1000;
    double number = 0;
    const std::string& text = model.parameter_size;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error != std::errc() ? 0 : std::string_view(end).starts_with('B') ? number * billion : number;
}

void read_location(catalog::section& table, package_source& into) {
    struct way {
        const char* key;
        source_kind kind;
        bool (*good)(std::string_view text);
        const char* wanted;
    };
    static constexpr way ways[] = {
        {"hub", source_kind::hub, is_hub_name, "OWNER/REPOSITORY"},
        {"folder", source_kind::folder, [](std::string_view text) { return text.starts_with("https://"); },
         "an address that begins with https://"},
        {"local", source_kind::local, [](std::string_view text) { return text.starts_with('/'); },
         "an absolute path"},
    };
    unsigned said = 0;
    for (const way& one : ways) {
        std::string text;
        table.text(one.key, text);
        if (!table.has(one.key)) {
            continue;
        }
        ++said;
        if (!one.good(text)) {
            table.complain(table.place(one.key),
                           core::say("catalogue.bad-entry/plain", std::string(one.key), one.wanted, text));
        }
        into.kind = one.kind;
        into.location = std::move(text);
    }
    if (said != 1) {
        table.complain(table.place(), core::say("catalogue.bad-entry/package"));
    }
    table.text("revision", into.revision);
    table.texts("include", into.include);
}

void read_files(catalog::section& table, package_source& into) {
    for (catalog::section& one : table.tables("files")) {
        expected_file file;
        std::uint64_t bytes = 0;
        one.text("path", file.path, true);
        one.integer("bytes", bytes, 0, most_megabytes * 1024 * 1024);
        one.text("sha256", file.sha256);
        if (one.has("bytes")) {
            file.size = bytes;
        }
        if (!file.path.empty() && !is_inner_path(file.path)) {
            one.complain(one.place("path"), core::say("catalogue.bad-entry/path", file.path));
        }
        if (!file.sha256.empty() && !is_sha256(file.sha256)) {
            one.complain(one.place("sha256"), core::say("catalogue.bad-entry/sha"));
        }
        one.finish();
        file.sha256 = core::lower_case(file.sha256);
        into.files.push_back(std::move(file));
    }
    if (into.files.size() > most_expected) {
        table.complain(table.place("files"), core::say("catalogue.bad-entry/files"));
    }
}

std::vector<box_kind> read_boxes(catalog::section& table) {
    std::vector<std::string> words;
    table.texts("boxes", words);
    std::vector<box_kind> out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto known = std::ranges::find(box_kinds(), words[i], &box_kind_name::word);
        if (known == box_kinds().end()) {
            table.complain(table.place("boxes", i),
                           core::say("catalogue.bad-entry/boxes", core::joined(kind_words()), words[i]));
        } else {
            out.push_back(known->kind);
        }
    }
    if (words.empty()) {
        table.complain(table.place("boxes"), core::say("catalogue.bad-entry/missing"));
    }
    return out;
}

catalogue_package read_package(catalog::section& table) {
    catalogue_package out;
    out.boxes = read_boxes(table);
    table.texts("hosts", out.hosts);
    table.text("profile", out.source.profile, true);
    read_location(table, out.source);
    read_files(table, out.source);
    table.text("quantization", out.quantization);
    table.text("license", out.license, true);
    table.text("facts", out.facts, true);
    table.integer("context", out.context, 0, 16 * 1024 * 1024);
    table.integer("download_mb", out.download_mb, 0, most_megabytes);
    table.integer("memory_mb", out.memory_mb, 0, most_megabytes);
    table.texts("python", out.python);
    table.flag("verified", out.verified);
    table.text("examined", out.examined);
    if (!out.examined.empty() && !is_day(out.examined)) {
        table.complain(table.place("examined"), core::say("catalogue.bad-entry/plain", "examined",
                                                          "a day as 2026-11-25", out.examined));
    }
    table.texts("faults", out.faults);
    table.finish();
    return out;
}

std::string read_name(catalog::section& table, const toml::source_region& where, const std::string& typed) {
    const auto name = catalog::display_name(typed);
    if (!name) {
        table.complain(where, core::say("catalogue.bad-entry/name", typed));
    }
    return name.value_or(typed);
}

catalogue_model read_model(catalog::section& table) {
    catalogue_model out;
    table.text("name", out.name, true);
    if (!out.name.empty()) {
        out.name = read_name(table, table.place("name"), out.name);
    }
    table.texts("aliases", out.aliases);
    for (std::size_t i = 0; i < out.aliases.size(); ++i) {
        out.aliases[i] = read_name(table, table.place("aliases", i), out.aliases[i]);
    }
    table.text("family", out.family, true);
    table.texts("capabilities", out.capabilities);
    table.text("parameter_size", out.parameter_size);
    for (catalog::section& one : table.tables("packages")) {
        out.packages.push_back(read_package(one));
        out.packages.back().source.name = out.name;
    }
    if (out.packages.empty() || out.packages.size() > most_packages) {
        table.complain(table.place("packages"), core::say("catalogue.bad-entry/model"));
    }
    table.finish();
    return out;
}

std::vector<catalogue_model> read_tree(const toml::table& tree, catalog::issue_list& issues) {
    std::vector<catalogue_model> out;
    std::set<std::string> names;
    catalog::section root(tree, "a catalogue", issues);
    for (catalog::section& one : root.tables("models")) {
        out.push_back(read_model(one));
        std::vector<std::string> taken = out.back().aliases;
        taken.push_back(out.back().name);
        for (const std::string& name : taken) {
            if (!names.insert(core::lower_case(name)).second) {
                one.complain(one.place("name"), core::say("catalogue.bad-entry/there", name));
            }
        }
    }
    root.finish();
    return out;
}

catalogue_reading parse(const std::optional<toml::table>& tree, catalog::issue_list& issues) {
    catalogue_reading out;
    std::vector<catalogue_model> found;
    if (tree) {
        found = read_tree(*tree, issues);
    }
    if (issues.empty()) {
        out.value.models = std::move(found);
    }
    out.problems = issues.take();
    return out;
}

void add(catalogue& to, std::vector<catalogue_model> models) {
    for (catalogue_model& one : models) {
        std::erase_if(to.models, [&](const catalogue_model& other) {
            return core::equal_ignoring_case(other.name, one.name);
        });
        to.models.push_back(std::move(one));
    }
}

std::vector<fs::path> files_of(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code unreadable;
    for (fs::directory_iterator one(folder, unreadable);
         !unreadable && one != fs::directory_iterator() && out.size() < most_files;
         one.increment(unreadable)) {
        if (one->path().extension() == ".toml") {
            out.push_back(one->path());
        }
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace

catalogue_reading parse_catalogue(std::string_view text, const fs::path& file) {
    catalog::issue_list issues(file.string());
    const auto tree = catalog::parse_toml_text(text, issues);
    return parse(tree, issues);
}

catalogue_reading read_catalogue(const std::vector<fs::path>& folders) {
    catalogue_reading out;
    for (const fs::path& folder : folders) {
        for (const fs::path& file : files_of(folder)) {
            catalog::issue_list issues(file.string());
            const auto tree = catalog::parse_toml_file(file, issues);
            catalogue_reading one = parse(tree, issues);
            add(out.value, std::move(one.value.models));
            out.problems.insert(out.problems.end(), one.problems.begin(), one.problems.end());
        }
    }
    std::ranges::sort(out.value.models, {}, [](const catalogue_model& one) {
        return std::tuple(one.family, parameters_of(one), one.name);
    });
    return out;
}

std::vector<fs::path> catalogue_folders(const fs::path& base) {
    std::vector<fs::path> out;
    for (const fs::path& one : core::shipped_folders("catalogue")) {
        std::error_code absent;
        if (out.empty() && fs::is_directory(one, absent)) {
            out.push_back(one);
        }
    }
    out.push_back(base / "catalogue.d");
    return out;
}

}  // namespace corral::pull
