#include "corral/control/admin_request.hpp"

#include <utility>

#include "corral/core/json.hpp"

namespace corral::control {

admin_json admin_refusal(std::string why) {
    admin_json out;
    out["ok"] = false;
    out["error"] = std::move(why);
    return out;
}

core::result<admin_json> read_admin_request(std::string_view line, std::size_t depth) {
    const core::json_limits limits{.depth = depth, .bytes = line.size()};
    if (!core::within_limits(line, limits)) {
        return core::make_failure(core::errc::limit_exceeded, "the request is nested too deep");
    }
    auto asked = core::parse_json<admin_json>(line, limits);
    if (!asked.is_object()) {
        return core::make_failure(core::errc::invalid,
                                  "a request is one JSON object on one line, such as {\"verb\":\"status\"}");
    }
    return asked;
}

}  // namespace corral::control
