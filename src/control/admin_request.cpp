#include "corral/control/admin_request.hpp"

#include <utility>

#include "corral/core/json.hpp"
#include "corral/core/say.hpp"

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
        return core::make_failure(core::errc::limit_exceeded,
                                  core::say("command.asks-daemon/request-nested"));
    }
    auto asked = core::parse_json<admin_json>(line, limits);
    if (!asked.is_object()) {
        return core::make_failure(core::errc::invalid, core::say("command.asks-daemon/request-one"));
    }
    return asked;
}

}  // namespace corral::control
