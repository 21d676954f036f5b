#pragma once
// What one group of services wants to be, and what must hold before one of them is started.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <boost/asio/ip/tcp.hpp>

#include "corral/catalog/placeholders.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/core/async.hpp"
#include "corral/core/reason.hpp"
#include "corral/core/result.hpp"
#include "corral/process/child.hpp"

namespace corral::supervisor {

// What must hold outside of a service before a process of it is worth starting: the device is there, its
// memory is free.
enum class gate_state {
    open,
    wait,  // soon; asked again in a second; requests for the service go on waiting
    shut,  // asked again in ten seconds; requests for the service fail
};

struct gate_verdict {
    gate_state state = gate_state::open;
    core::reason reason;  // open: what was found, may be empty; else why not, one sentence
    std::string advice;   // may be empty
};

// One for each service. Called on the loop's thread.
class start_gate {
public:
    virtual ~start_gate() = default;
    // Has its own deadlines, a minute at most in all. May be cancelled. The gate outlives the wait.
    [[nodiscard]] virtual core::awaitable<gate_verdict> ask() = 0;
    // After a start that failed: whether what a start needs (files, device nodes, drivers, and what `reason` names)
    // is other than at the first such question about this failure. May be cancelled.
    [[nodiscard]] virtual core::awaitable<bool> changed(std::string /*reason*/, bool /*first*/) {
        co_return false;
    }
    // What became of it. Must not throw.
    virtual void on_spawned(pid_t pid) = 0;
    virtual void on_ready(pid_t pid) = 0;
    virtual void on_gone(pid_t pid) = 0;
    // What one process takes of the device's memory, in MiB, as its own figures showed; 0: not seen yet.
    [[nodiscard]] virtual std::uint64_t measured_mb() const noexcept { return 0; }
};

// What one group of services wants to be: the ordered processes that one model needs (tokenizer, then
// runtime).
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
