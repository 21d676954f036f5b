#pragma once
// What one group of services wants to be: the ordered processes that one model needs (tokenizer, then
// runtime).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/process/child.hpp"
#include "corral/supervisor/start_gate.hpp"

namespace corral::supervisor {

struct service_spec {
    std::string name;
    process::spawn_spec command;      // placeholders expanded; the warden's token is added by the supervisor
    catalog::service_template rules;  // probe, ladders, clocks, meanings of exits and lines
    boost::asio::ip::tcp::endpoint endpoint;  // where it must answer, on loopback
    // Where the probes of rules go instead; nothing: to the endpoint.
    std::optional<boost::asio::ip::tcp::endpoint> probe_at;
    std::optional<boost::asio::ip::tcp::endpoint> liveness_at;
    std::vector<catalog::expanded_service::file> files;  // that are made before each start, by its gate
    // The port compiled into the program, which the port guard changes into the endpoint's; 0: none.
    std::uint16_t asked_port = 0;
    // Hears where it answers instead when the guard has no effect and rules.guard allows that; called before
    // self_test. Empty: it is not used then.
    std::function<void(const boost::asio::ip::tcp::endpoint&)> on_endpoint;
    bool dependents_survive =
        false;  // its restart leaves the services after it alone (tokenizer behind the tap)
    // A first real answer, asked once the socket is owned and the probe has answered; ready only if it
    // succeeds. Has its own deadlines. May be empty.
    std::function<core::awaitable<core::result<void>>()> self_test;
    // Asks a self_test whose process has ended to end too, in a few seconds: what talks to a runtime may not be cut
    // as a coroutine. Must not throw. Empty, or in vain: it is cut.
    std::function<void()> end_self_test;
    // Brings a ready service to rest before its stop ladder begins (stop until idle), at most until the
    // deadline. May be empty.
    std::function<core::awaitable<void>(core::deadline)> quiesce;
    // Something that has clocks of its own is inside the service, so that its silence proves nothing: it is
    // not asked for a sign of life meanwhile. Must not throw. May be empty.
    std::function<bool()> busy;
    // A prompt is inside, so that an end may be its doing. Must not throw. May be empty.
    std::function<bool()> at_work;
    // A request of late held these words, so that a printed line with them is no finding. Must not throw. May be empty.
    std::function<bool(std::string_view words)> quoted;
    // Where in a printed line the words of such a request begin; npos: it has none. Must not throw. May be empty.
    std::function<std::size_t(std::string_view line)> words_in;
    // Asked before each start; while it is not open no process is started and no failure counted. May be
    // null.
    std::shared_ptr<start_gate> gate;
};

struct group_spec {
    std::string name;                    // the model's
    std::vector<service_spec> services;  // start order; each depends on those before it
    catalog::restart_rule restart;
};

}  // namespace corral::supervisor
