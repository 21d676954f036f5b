#include "catalog/profile_parts.hpp"

#include <set>
#include <string>
#include <utility>

#include "corral/catalog/placeholders.hpp"
#include "corral/core/say.hpp"

namespace corral::catalog {

namespace {

constexpr std::size_t most_ports = 8;
constexpr std::size_t most_files = 8;
// Settings of a page or two.
constexpr std::size_t largest_template = 64 * 1024;

void check_name(section& table, const toml::source_region& where, const std::string& name,
                std::set<std::string>& seen) {
    if (name.empty() || !placeholders_in("{" + name + "}")) {
        table.complain(where, core::say("configuration.bad-form/hold", name));
    } else if (!seen.insert(name).second) {
        table.complain(where, core::say("configuration.twice/there", name));
    }
}

}  // namespace

void read_service_names(section& table, service_template& service, std::set<std::string>& taken) {
    table.texts("more_ports", service.more_ports);
    for (std::size_t i = 0; i < service.more_ports.size(); ++i) {
        check_name(table, table.place("more_ports", i), service.more_ports[i], taken);
    }
    if (service.more_ports.size() > most_ports) {
        table.complain(table.place("more_ports"), core::say("configuration.out-of-range/service"));
    }
    for (auto& one : table.tables("rendered")) {
        rendered_file file;
        one.text("name", file.name, true);
        one.text("json", file.json, true);
        one.finish();
        check_name(one, one.place("name"), file.name, taken);
        if (file.json.size() > largest_template) {
            one.complain(one.place("json"), core::say("configuration.out-of-range/json"));
        }
        service.rendered.push_back(std::move(file));
    }
    if (service.rendered.size() > most_files) {
        table.complain(table.place("rendered"), core::say("configuration.out-of-range/rendered"));
    }
}

}  // namespace corral::catalog
