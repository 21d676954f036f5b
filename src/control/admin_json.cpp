#include "corral/control/admin_json.hpp"

#include <utility>

namespace corral::control {

admin_json admin_refusal(std::string why) {
    admin_json out;
    out["ok"] = false;
    out["error"] = std::move(why);
    return out;
}

}  // namespace corral::control
