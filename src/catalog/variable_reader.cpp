#include "catalog/profile_parts.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "corral/catalog/placeholders.hpp"
#include "corral/core/say.hpp"

namespace corral::catalog {

namespace {

struct kind_word {
    const char* word;
    variable_kind kind;
};

constexpr std::array kind_words = {
    kind_word{"text", variable_kind::text},
    kind_word{"program", variable_kind::program},
    kind_word{"python-script", variable_kind::python_script},
    kind_word{"file", variable_kind::file},
    kind_word{"numbered-files", variable_kind::numbered_files},
};

// A model may still say anything; absurd sizes in a profile are a slip.
constexpr std::int64_t most_bytes = std::int64_t{1} << 50;

void read_kind(section& table, variable_spec& into) {
    std::vector<std::string> words;
    for (const auto& one : kind_words) {
        words.emplace_back(one.word);
    }
    std::string word = "text";
    table.choice("kind", word, words);
    const auto found =
        std::ranges::find_if(kind_words, [&](const kind_word& one) { return word == one.word; });
    into.kind = found == kind_words.end() ? variable_kind::text : found->kind;
}

// Keys that only mean something with certain kinds are complained about with others.
void refuse_useless(section& table, const variable_spec& of) {
    const bool data = of.kind == variable_kind::file || of.kind == variable_kind::numbered_files;
    const auto refuse = [&](const char* key, bool useful, const char* where) {
        if (table.has(key) && !useful) {
            table.complain(table.place(key), core::say("configuration.bad-form/kind", key, where));
        }
    };
    refuse("count", of.kind == variable_kind::numbered_files, "\"numbered-files\"");
    refuse("bytes", of.kind == variable_kind::file, "\"file\"");
    refuse("least_bytes", data, "\"file\" or \"numbered-files\"");
    refuse("on_device", data, "\"file\" or \"numbered-files\"");
    refuse("holds", of.kind == variable_kind::python_script, "\"python-script\"");
    refuse("modules", of.kind == variable_kind::python_script, "\"python-script\"");
    if (of.kind == variable_kind::numbered_files && of.count.empty()) {
        table.complain(table.place(), core::say("configuration.missing-key/count"));
    }
}

variable_spec read_variable(section& table, const std::string& name) {
    variable_spec variable;
    variable.name = name;
    table.text("about", variable.about, true);
    if (table.has("default")) {
        std::string value;
        table.text("default", value);
        variable.fallback = std::move(value);
    }
    read_kind(table, variable);
    table.text("count", variable.count);
    table.texts("bytes", variable.bytes);
    table.integer("least_bytes", variable.least_bytes, 0, most_bytes);
    table.flag("on_device", variable.on_device);
    table.texts("holds", variable.holds);
    table.text("holds_beside", variable.holds_beside);
    table.text("holds_why", variable.holds_why);
    table.text_map("modules", variable.modules);
    refuse_useless(table, variable);
    return variable;
}

bool is_number(const std::string& word) {
    return !word.empty() && word.size() <= 18 && word.find_first_not_of("0123456789") == std::string::npos;
}

// What is counted or multiplied must be a variable of this profile.
void check_references(section& table, const variable_spec& of, const profile& all) {
    const auto known = [&](const std::string& name) {
        return name == "vocabulary" ||
               std::ranges::any_of(all.variables, [&](const variable_spec& one) { return one.name == name; });
    };
    if (!of.count.empty() && !known(of.count)) {
        table.complain(table.place("count"), core::say("configuration.not-one-of/variable", of.count));
    }
    for (std::size_t i = 0; i < of.bytes.size(); ++i) {
        if (!is_number(of.bytes[i]) && !known(of.bytes[i])) {
            table.complain(table.place("bytes", i),
                           core::say("configuration.not-one-of/neither", of.bytes[i]));
        }
    }
}

}  // namespace

void read_variables(section& table, profile& into) {
    auto all = table.table("variables");
    if (!all) {
        return;
    }
    auto tables = all->named_tables();
    for (auto& [name, one] : tables) {
        into.variables.push_back(read_variable(one, name));
        if (const auto problem = variable_name_problem(name, into); !problem.empty()) {
            one.complain(one.place(), problem);
        }
    }
    for (std::size_t i = 0; i < tables.size(); ++i) {
        check_references(tables[i].second, into.variables[i], into);
        tables[i].second.finish();
    }
}

void read_runtime_files(section& table, profile& into) {
    for (auto& one : table.tables("files")) {
        runtime_file file;
        one.text("path", file.path, true);
        one.texts("json_keys", file.json_keys);
        one.flag("optional", file.optional);
        one.text("missing", file.missing);
        one.text("broken", file.broken);
        const std::filesystem::path path(file.path);
        const bool inside =
            path.is_relative() && std::ranges::none_of(path, [](const auto& part) { return part == ".."; });
        if (!inside) {
            one.complain(one.place("path"), core::say("configuration.bad-form/path"));
        }
        one.finish();
        into.files.push_back(std::move(file));
    }
}

}  // namespace corral::catalog
