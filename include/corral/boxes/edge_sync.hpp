#pragma once
// HAProxy is kept right while it runs: what the boxes serve, held against what its runtime socket tells, makes a bounded
// list of commands for that socket. Decides alone, and remembers nothing: whatever state it finds, a few rounds lead to
// the wanted one.
//
// A slot is a backend with a list of names (an ACL) by which requests find it; both have the same number. Those of the
// models that were known when the configuration was written are "model_NAME"; "spare_N" are for models that appear
// later. docs/facts/haproxy.md has what HAProxy 2.6 can change at run time.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "corral/boxes/boxes_file.hpp"

namespace corral::boxes {

inline constexpr unsigned gone_list = 10'000;   // the ACL of models that no box serves any more
inline constexpr unsigned first_slot = 10'001;  // the number of the first slot
inline constexpr std::size_t most_slots = 10'000;

struct seen_server {
    std::string backend;
    std::string name;
    std::string address;  // an IP address
    std::uint16_t port = 0;
    bool by_name = false;  // HAProxy looks its address up itself
    bool maintenance = false;
    unsigned weight = 0;
    bool check_idle = false;  // there is a health check, and it is not enabled
    bool agent_idle = false;
    bool agent_on = false;  // its "ready" ends a maintenance
};

struct seen_slot {
    unsigned id = 0;
    std::string backend;
    std::vector<std::string> models;  // names that lead to it: one, or none
};

struct edge_sight {
    std::vector<seen_slot> slots;
    std::vector<std::string> gone;
    std::vector<seen_server> servers;
};

struct wanted_box {
    box_entry entry;
    std::string ip;  // of its address, without brackets; empty: not known now
    // Names as of routed_names(); nothing: it has not answered yet, and keeps the routes it has.
    std::optional<std::vector<std::string>> models;
};

struct sync_command {
    std::string text;  // one command, without a line end
    std::string note;  // what it means, for the log; empty for parts of the one before
    bool operator==(const sync_command&) const = default;
};

struct sync_plan {
    std::vector<sync_command> commands;  // in this order
    std::vector<std::string> remarks;    // what can't be brought about, a sentence each
};

struct sync_rules {
    std::size_t most_commands = 1'000;  // of a round
    // Commands that HAProxy has refused lately: they are left out.
    std::set<std::string> refused;
};

// Gives routes before it takes any. Names of models with other characters than a model's, and more than 1024 models of a
// box, are left out.
[[nodiscard]] sync_plan plan_sync(const std::vector<wanted_box>& boxes, const edge_settings& edge,
                                  const edge_sight& seen, const sync_rules& rules);

// The answers of HAProxy's runtime socket. Lines that are none of it are left out.
// Of "show stat -1 2 -1": slots without their models.
[[nodiscard]] std::vector<seen_slot> slots_in(std::string_view table);
// Of "show servers state".
[[nodiscard]] std::vector<seen_server> servers_in(std::string_view table);
// Of "show acl #ID"; nothing where there is no such list.
[[nodiscard]] std::optional<std::vector<std::string>> patterns_in(std::string_view list);

// Whether `answer` to one of our commands says that it was done.
[[nodiscard]] bool is_done(std::string_view answer);

}  // namespace corral::boxes
