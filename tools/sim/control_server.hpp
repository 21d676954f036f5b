#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "fault_switches.hpp"
#include "settings_store.hpp"

namespace corral::sim {

struct control_reply {
    nlohmann::json body;
    std::function<void()> afterwards;  // runs once the reply has been sent
};

// What a program adds to the commands that both know. Returns an empty body for a command it does not know.
using control_handler =
    std::function<control_reply(const std::string& command, const nlohmann::json& request)>;

// Called when a fault was switched on, for those that are actions.
using fault_action = std::function<void(const std::string& name)>;

struct control_parts {
    settings_store& settings;
    fault_switches& faults;
    control_handler handler;
    fault_action on_fault;
};

// Opens the Unix socket named by CORRAL_SIM_CONTROL, if any, and serves it from detached threads. `parts`
// must live for ever. Exits with status 2 when the socket cannot be opened.
void start_control_server(control_parts& parts);

}  // namespace corral::sim
