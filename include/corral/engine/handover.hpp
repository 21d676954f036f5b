#pragma once
// A ready backend as another image of this very process needs it to go on with its model loaded.

#include <cstdint>
#include <map>
#include <string>

#include "corral/supervisor/handover.hpp"

namespace corral::engine {

struct backend_handover {
    // dialect_descriptor::fingerprint of the entry that its processes were started by.
    std::string fingerprint;
    supervisor::group_handover services;
    std::map<std::string, std::uint16_t> ports;  // of each service, as its command names them
    int tap = -1;                                // a socket that listens on loopback; -1: none
    // The dialect's own words, such as identities that the runtime's tokenizer knows. No prompt, no answer.
    std::map<std::string, std::string> state;
};

}  // namespace corral::engine
