#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto fleet_reader = message_reader::operators;

inline constexpr std::array fleet_table{
    message{
        "fleet.boxes-file", fleet_reader,
        "write| there is no box; write a table [[box]] with name and address for each\n"
        "there| there are more than {most-boxes:d} boxes; give them several edges, with a file each\n"
        "box| '{first}' is the {key} of the box in line {second:d} already; each box has its own\n"
        "hold| '{key}' must not hold quotes or control characters; rename the file\n"
        "name| '{what}' is not the name of a model; write it as 'corral list' does\n"
        "needs| '{key}' needs 'tls = true' in the same [[box]]\n"
        "count| 'count' needs a name of DNS in 'address', not an IP address\n"
        "models| 'count' needs 'models': boxes behind one name are not asked\n"
        "tls| 'tls' with an IP address or SRV records needs 'ca_file', or the name of the host in 'address'\n"
        "key| 'key_variable' must be the name of an environment variable, such as CORRAL_EDGE_KEY\n"
        "variable| 'key_variable' needs 'keys': the edge has a key of its own only where it checks those of "
        "clients",
        "The list of boxes has a mistake at the place that is named.",
        "Fix the line; docs/fleet.md has a table of all keys."},
    message{"fleet.no-models", fleet_reader,
            "box| box '{name}' has no list of models; give it 'models', or let it be asked by --ask\n"
            "tell| it does not tell its models: {why}; see that it runs, or give it 'models' in the list of "
            "boxes",
            "The edge routes by model, so it has to know which box serves which.",
            "Write 'models' in the [[box]], or run 'corral fleet render --ask' while all boxes are up."},
    message{"fleet.trouble", fleet_reader, "the fleet has trouble: {why}",
            "A box, HAProxy or the list of the boxes could not be read; the routes stay as they were.",
            "Fix what is named; the log says when it is well again."},
    message{"fleet.not-reloaded", fleet_reader,
            "stays| HAProxy's configuration stays as it was: {why}\n"
            "reload| HAProxy is not reloaded: {why}\n"
            "replace| can't replace '{file}': {why}\n"
            "too-many| box {name} lists more than {most:d} models; the others get no requests",
            "The configuration follows the boxes no further; HAProxy goes on as it was read last.",
            "Fix what is named: 'haproxy -c -f FILE', or the command behind '--', which is tried again."},
};

}  // namespace corral::core::messages
