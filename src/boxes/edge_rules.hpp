#pragma once
// How HAProxy finds out which boxes a request is for: the frontend for clients.

#include <string>
#include <vector>

#include "corral/boxes/haproxy.hpp"

namespace corral::boxes {

// `models` (routed names) and `backends` go together by place.
void write_frontend(std::string& out, const edge_settings& edge, const std::vector<edge_key>& keys,
                    const std::vector<std::string>& models, const std::vector<std::string>& backends);

// Words of a server's check, `every`: with its unit. Where there are others, one failed connection counts as much as two
// failed checks; a box alone is tried again, for there may be a restart only.
std::string check_words(const std::string& every, bool others);

}  // namespace corral::boxes
