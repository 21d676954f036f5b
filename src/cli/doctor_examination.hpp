#pragma once
// Gathers what `corral doctor` examines: the configuration as far as it can be read, the Corral that runs,
// and what the status tools of the devices say.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/config/configuration.hpp"
#include "corral/control/admin_socket.hpp"
#include "corral/core/result.hpp"
#include "corral/doctor/doctor.hpp"

namespace corral::cli {

struct doctor_request {
    std::optional<std::string> model;  // as typed; nothing: all
    config::configuration_source source;
    std::optional<std::string> socket;  // of the Corral that runs; else where the configuration has it
};

// Blocks: on the disk, on the admin socket (5 s at most), on the status tools (each with its own limit).
// Fails when there is no such model. Call it before any thread exists: the tools' warden is forked here.
[[nodiscard]] core::result<doctor::examination> gather_examination(const doctor_request& asked);

// What the answer to the admin verb "status" says.
[[nodiscard]] doctor::daemon_view daemon_view_of(const control::admin_json& status);

}  // namespace corral::cli
