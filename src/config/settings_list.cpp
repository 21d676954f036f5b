#include "corral/config/settings_list.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>

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

}  // namespace

std::vector<setting> list_settings(const fs::path& file, const fs::path& models) {
    std::vector<setting> out;
    add_file(file, out);
    std::vector<fs::path> manifests;
    std::error_code absent;  // then there are none
    for (fs::directory_iterator one(models, absent), end; !absent && one != end; one.increment(absent)) {
        if (one->path().extension() == ".toml" && manifests.size() < most_manifests) {
            manifests.push_back(one->path());
        }
    }
    std::ranges::sort(manifests);
    for (const fs::path& one : manifests) {
        add_file(one, out);
    }
    return out;
}

}  // namespace corral::config
