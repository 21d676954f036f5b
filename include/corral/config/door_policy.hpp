#pragma once
// Who may come in where. Judges the sockets that are open, whatever the file says of `listen`: at a start, a
// reload, an upgrade, and at a socket of the service manager. Decides only.

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/config/configuration.hpp"
#include "corral/core/result.hpp"

namespace corral::config {

// Where clients come in.
struct door {
    boost::asio::ip::tcp::endpoint at;
    bool managed = false;  // bound by a service manager, so no configuration moves it
};

// What a configuration wants of its door.
struct door_rules {
    boost::asio::ip::tcp::endpoint listen;
    bool keys = false;
    bool tls = false;
    bool allow_unauthenticated = false;
};

[[nodiscard]] door_rules door_rules_of(const configuration& settings);

// Fails with a sentence where clients without a key would come in from other machines though that is not wanted.
// `allow_unauthenticated` speaks of the address that the same file names, and of a managed socket.
[[nodiscard]] core::result<void> judge_door(const door& open, const door_rules& rules);

// True for two that are one; a wanted port of 0 is any.
[[nodiscard]] bool same_door(const boost::asio::ip::tcp::endpoint& open,
                             const boost::asio::ip::tcp::endpoint& wanted);

enum class door_step {
    listen,  // at rules.listen; nothing is open yet
    keep,    // the one that is open
    move,    // close it, then listen at rules.listen
    refuse,
};

// How an image begins whose door may be open already.
struct door_plan {
    door_step step = door_step::listen;
    core::failure why;      // with refuse
    bool may_stay = false;  // with move: the old address will do where the new one can't be had
};

[[nodiscard]] door_plan plan_door(const std::optional<door>& open, const door_rules& rules);

// Why a running server can't take up these rules, whose door stays where it is; empty: it can.
[[nodiscard]] core::reason refuse_rules(const door& open, const door_rules& rules);

// Whether a client that came in at the local address `here` would still come in at that door.
[[nodiscard]] bool leads_to(const door& open, const boost::asio::ip::address& here);

// Worth saying of clients that come in there.
[[nodiscard]] std::vector<core::reason> door_warnings(const door& open, const door_rules& rules);

}  // namespace corral::config
