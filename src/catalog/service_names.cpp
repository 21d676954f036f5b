#include "catalog/profile_parts.hpp"

#include <set>
#include <string>
#include <utility>

#include "corral/catalog/placeholders.hpp"

namespace corral::catalog {

namespace {

constexpr std::size_t most_ports = 8;
constexpr std::size_t most_files = 8;
// Settings of a page or two.
constexpr std::size_t largest_template = 64 * 1024;

void check_name(section& from, const toml::source_region& where, const std::string& name,
                std::set<std::string>& seen) {
    if (name.empty() || !placeholders_in("{" + name + "}")) {
        from.complain(where, "'" + name + "' may hold only a-z, 0-9 and '_'");
    } else if (!seen.insert(name).second) {
        from.complain(where, "'" + name + "' is there twice");
    }
}

}  // namespace

void read_service_names(section& from, service_template& into, std::set<std::string>& taken) {
    from.texts("more_ports", into.more_ports);
    for (std::size_t i = 0; i < into.more_ports.size(); ++i) {
        check_name(from, from.place("more_ports", i), into.more_ports[i], taken);
    }
    if (into.more_ports.size() > most_ports) {
        from.complain(from.place("more_ports"), "a service has at most 8 further ports");
    }
    for (auto& one : from.tables("rendered")) {
        rendered_file file;
        one.text("name", file.name, true);
        one.text("json", file.json, true);
        one.finish();
        check_name(one, one.place("name"), file.name, taken);
        if (file.json.size() > largest_template) {
            one.complain(one.place("json"), "'json' is longer than 64 KiB");
        }
        into.rendered.push_back(std::move(file));
    }
    if (into.rendered.size() > most_files) {
        from.complain(from.place("rendered"), "a service has at most 8 rendered files");
    }
}

}  // namespace corral::catalog
