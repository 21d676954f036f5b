#pragma once
// What this process has from before its program began: from an earlier image of it that was upgraded
// (docs/packages.md), or from a service manager that listens for it (sd_listen_fds(3)).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/config/configuration.hpp"
#include "corral/config/door_policy.hpp"
#include "corral/engine/backend.hpp"
#include "corral/http/server.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/upgrade/upgrade_document.hpp"

namespace corral::upgrade {

// The variable that names the descriptor of the sealed memory.
inline constexpr const char* handover_variable = "CORRAL_HANDOVER";

struct inheritance {
    std::optional<handover> before;
    std::optional<int> socket;  // listens; of the service manager
};

// Reads both, and takes their variables out of the environment, so that no child sees them. What can't be
// used is reported on standard error and closed: then all begins anew, and the warden of the earlier image kills
// what that had started. Call it first, before anything opens a descriptor.
[[nodiscard]] inheritance take_inheritance();

// Opens the door where config::plan_door says. Fails with a sentence: taken, or open to other machines without
// keys.
[[nodiscard]] core::result<config::door> open_door(http::server& at, const config::configuration& settings,
                                                   inheritance& inherited);
// The connections that were handed over and came in where that door still leads; the others are closed. To be
// asked once.
[[nodiscard]] std::vector<http::kept_connection> take_connections(inheritance& inherited,
                                                                  const config::door& open);

// How a model stood before, over all its sets of processes.
struct deployment_handover {
    bool known = false;
    bool wanted = false;
    bool suspended = false;
    core::nanoseconds stay{0};
};
[[nodiscard]] deployment_handover handover_of(const inheritance& inherited, const std::string& model);
// Names of the models whose processes were handed over.
[[nodiscard]] std::vector<std::string> deployments_before(const inheritance& inherited);
// A backend that goes on with what was handed over, under its label or by its making, else a stopped one;
// what has its label and is of another making is killed. `adopted` says which.
[[nodiscard]] core::result<std::unique_ptr<engine::backend>> make_or_adopt_backend(
    const supervisor::supervisor_context& context, const catalog::model_entry& model, inheritance& inherited,
    bool& adopted);
// Kills and closes what no model of the configuration took.
void release_unclaimed(process::warden& guard, inheritance& inherited);

}  // namespace corral::upgrade
