#pragma once

#include <string>
#include <string_view>

namespace corral::boxes {

// A name of a host in lower case and without its last dot, of letters, digits, '.', '-' and '_'; empty where it is
// none.
[[nodiscard]] std::string host_name(std::string_view text);

}  // namespace corral::boxes
