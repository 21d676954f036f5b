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

void check_name(section& from, const toml::source_region& where, const std::string& name,
                std::set<std::string>& seen) {
    if (name.empty() || !placeholders_in("{" + name + "}")) {
        from.complain(where, core::say("configuration.bad-form/hold", name));
    } else if (!seen.insert(name).second) {
        from.complain(where, core::say("configuration.twice/there", name));
    }
}

}  // namespace

void read_service_names(section& from, service_template& into, std::set<std::string>& taken) {
    from.texts("more_ports", into.more_ports);
    for (std::size_t i = 0; i < into.more_ports.size(); ++i) {
        check_name(from, from.place("more_ports", i), into.more_ports[i], taken);
    }
    if (into.more_ports.size() > most_ports) {
        from.complain(from.place("more_ports"), core::say("configuration.out-of-range/service"));
    }
    for (auto& one : from.tables("rendered")) {
        rendered_file file;
        one.text("name", file.name, true);
        one.text("json", file.json, true);
        one.finish();
        check_name(one, one.place("name"), file.name, taken);
        if (file.json.size() > largest_template) {
            one.complain(one.place("json"), core::say("configuration.out-of-range/json"));
        }
        into.rendered.push_back(std::move(file));
    }
    if (into.rendered.size() > most_files) {
        from.complain(from.place("rendered"), core::say("configuration.out-of-range/rendered"));
    }
}

}  // namespace corral::catalog
