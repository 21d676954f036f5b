#include "corral/config/settings_list.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "corral/catalog/toml_section.hpp"
#include "corral/config/without_secrets.hpp"

namespace corral::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_rows = 10'000;
constexpr std::size_t most_manifests = 1000;

template <typename See>
void walk(const toml::node& node, const std::string& key, const See& see) {
    if (const toml::table* const table = node.as_table()) {
        for (const auto& [name, inner] : *table) {
            walk(inner, key.empty() ? std::string(name.str()) : key + "." + std::string(name.str()), see);
        }
    } else if (const toml::array* const array = node.as_array();
               array != nullptr && !array->empty() && array->is_array_of_tables()) {
        for (std::size_t i = 0; i < array->size(); ++i) {
            walk(*array->get(i), key + "[" + std::to_string(i) + "]", see);
        }
    } else {
        see(key, node);
    }
}

std::string text_of(const toml::node& node) {
    std::ostringstream out;
    node.visit([&](const auto& one) {
        if constexpr (toml::is_value<decltype(one)> || toml::is_array<decltype(one)>) {
            out << one;
        }
    });
    return out.str();
}

void add_file(const fs::path& file, std::vector<setting>& out) {
    catalog::issue_list issues(file.string());
    const auto text = catalog::read_toml_text(file, issues);
    const auto whole = text ? catalog::parse_toml_text(*text, issues) : std::nullopt;
    const auto shown = whole ? without_secrets(*text) : std::nullopt;
    const auto masked = shown ? catalog::parse_toml_text(*shown, issues) : std::nullopt;
    if (!masked) {
        const auto wrong = issues.take();
        out.push_back(
            {"", wrong.empty() ? "can't be read" : catalog::to_text(wrong.front()), file.string(), 0});
        return;
    }
    std::map<std::string, std::string> values;
    walk(*masked, "", [&](const std::string& key, const toml::node& node) { values[key] = text_of(node); });
    const std::size_t first = out.size();
    walk(*whole, "", [&](const std::string& key, const toml::node& node) {
        if (out.size() < most_rows) {
            const auto value = values.find(key);
            out.push_back({key, value == values.end() ? "(left out)" : value->second, file.string(),
                           node.source().begin.line});
        }
    });
    std::stable_sort(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(),
                     [](const setting& a, const setting& b) { return a.line < b.line; });
}

using place = std::pair<std::string, std::string>;  // file, key

struct unset_keys {
    std::vector<place> order;
    std::map<place, std::string> values;
};

// What is not said by these is worked out from others.
void derive(const std::string& file, const configuration& from, std::map<place, std::string>& to) {
    const bool v6 = from.listen.address().is_v6();
    const std::string address = from.listen.address().to_string();
    const std::pair<const char*, std::string> known[] = {
        {"listen", (v6 ? "[" + address + "]" : address) + ":" + std::to_string(from.listen.port())},
        {"state_directory", from.state_directory.string()},
        {"models_directory", from.models_directory.string()},
        {"admin_socket", from.admin_socket.string()},
        {"pull.directory", from.pull.directory.string()},
        {"pull.endpoint", from.pull.endpoint},
    };
    for (const auto& [key, value] : known) {
        if (const auto found = to.find(place(file, key)); found != to.end()) {
            found->second = text_of(toml::value<std::string>(value));
        }
    }
}

unset_keys unset_of(configuration_source source) {
    unset_keys out;
    const catalog::default_observer see = [&out](const std::string& file, const std::string& key,
                                                 std::string value) {
        if (out.order.size() < most_rows && out.values.emplace(place(file, key), std::move(value)).second) {
            out.order.emplace_back(file, key);
        }
    };
    source.defaults = &see;
    // Mistakes are reported where the file is read to be served.
    const configuration_result read = load_configuration(source);
    if (const configuration* const known = read.value ? &*read.value : read.draft ? &*read.draft : nullptr) {
        derive(source.file.string(), *known, out.values);
    }
    return out;
}

// Behind the rows of each file.
void add_unset(const configuration_source& source, std::vector<setting>& to) {
    const unset_keys now = unset_of(source);
    configuration_source plain = source;
    plain.environment.clear();
    plain.listen.reset();
    const unset_keys builtin = unset_of(std::move(plain));
    std::map<std::string, std::vector<setting>> by_file;
    for (const place& one : now.order) {
        const std::string& value = now.values.at(one);
        const auto usual = builtin.values.find(one);
        const bool own = usual != builtin.values.end() && usual->second != value;
        by_file[one.first].push_back(
            {one.second, value, one.first, 0, own ? setting_origin::environment : setting_origin::builtin});
    }
    std::vector<setting> out;
    for (std::size_t i = 0; i < to.size(); ++i) {
        const std::string file = to[i].file;
        const bool unreadable = to[i].key.empty();
        out.push_back(std::move(to[i]));
        const bool last = i + 1 == to.size() || to[i + 1].file != file;
        if (last && !unreadable) {
            std::ranges::move(by_file[file], std::back_inserter(out));
            by_file.erase(file);
        }
    }
    // Of a file that sets nothing.
    std::ranges::move(by_file[source.file.string()], std::back_inserter(out));
    out.resize(std::min(out.size(), most_rows));
    to = std::move(out);
}

}  // namespace

std::vector<setting> list_settings(const configuration_source& source, const fs::path& models) {
    std::vector<setting> out;
    std::error_code absent;  // then there are none
    if (!source.file_may_be_missing || fs::exists(source.file, absent)) {
        add_file(source.file, out);
    }
    std::vector<fs::path> manifests;
    for (fs::directory_iterator one(models, absent), end; !absent && one != end; one.increment(absent)) {
        if (one->path().extension() == ".toml" && manifests.size() < most_manifests) {
            manifests.push_back(one->path());
        }
    }
    std::ranges::sort(manifests);
    for (const fs::path& one : manifests) {
        add_file(one, out);
    }
    add_unset(source, out);
    return out;
}

}  // namespace corral::config
