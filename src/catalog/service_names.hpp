#pragma once
// What a service of a profile gives names to, which the placeholders of all services may then use: its
// further ports and the files that are made for it.

#include <set>
#include <string>

#include "corral/catalog/profile.hpp"
#include "corral/catalog/toml_section.hpp"

namespace corral::catalog {

// 'more_ports' and [[services.rendered]]. `taken`: names of services, and of what those before this one have.
void read_service_names(section& from, service_template& into, std::set<std::string>& taken);

}  // namespace corral::catalog
