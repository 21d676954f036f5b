#pragma once
// How a request is read, within its bounds of size and time.

#include <optional>

#include "corral/core/async.hpp"
#include "request_parser.hpp"
#include "session.hpp"

namespace corral::http {

struct request_reading {
    std::optional<response> refused;  // at the head
    bool client_left = false;
};

// Until `parser` is complete or refused, or the head is. REQUIRES: all outlive the call, here and below.
[[nodiscard]] core::awaitable<request_reading> read_request(session_context& context, connection& on,
                                                            request_parser& parser);

// Until it is the turn of `on` among those whose requests are read.
[[nodiscard]] core::awaitable<void> wait_for_turn(share_turns& among, connection& on);

}  // namespace corral::http
