#pragma once
// Where one service listens, and who else does: found by the kernel's tables alone, whatever was done to prevent it.
// Knows the port guard's part in it. Looks and judges; what follows from a fault is its caller's.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/async.hpp"
#include "corral/core/reason.hpp"
#include "corral/core/result.hpp"
#include "corral/process/child.hpp"
#include "corral/process/listener_owner.hpp"
#include "corral/process/program_check.hpp"
#include "corral/supervisor/context.hpp"
#include "corral/supervisor/service_spec.hpp"
#include "supervisor/service/confinement.hpp"

namespace corral::supervisor {

// Whether a port is held by the service it belongs to, and by no other: with SO_REUSEPORT one foreign twin
// is enough to get every second prompt (docs/facts/vendor_ax.md#failures, F17).
enum class listener_finding {
    none,     // no listener
    ours,     // every listener is ours
    foreign,  // at least one is known not to be ours
    exposed,  // ours, but reachable from the network where the profile forbids that; never from
              // judge_listeners()
    unknown   // at least one whose owner can't be found: another user's, or just going
};

struct listener_judgement {
    listener_finding what = listener_finding::none;
    core::reason who;              // of foreign and unknown: "python3 (pid 4711)"
    bool every_interface = false;  // one of ours listens on 0.0.0.0 or ::
    bool sibling = false;          // all that are foreign are of other services of this daemon
};

// Listeners that no call of ours can reach are left out: at an address of the network, and elsewhere on loopback.
[[nodiscard]] listener_judgement judge_listeners(const std::vector<process::listening_socket>& rows,
                                                 const std::function<bool(pid_t)>& is_ours);

class port_watch {
public:
    using fault = std::optional<process::program_fault>;

    // `refused_for`: how long a service stays unused that its guard does not reach although it must.
    // `ports`: those of all services of the daemon.
    port_watch(const service_spec& wanted, std::string label, core::milliseconds refused_for,
               std::shared_ptr<fixed_ports> ports = std::make_shared<fixed_ports>());
    port_watch(const port_watch&) = delete;
    port_watch& operator=(const port_watch&) = delete;
    ~port_watch();

    // Before each launch: puts the guard into `command`. A fault when the service must not be started: it can't
    // be confined, or its port is taken (`port_taken`; taken_by() knows more).
    [[nodiscard]] fault prepare(process::spawn_spec& command, guard_outlook outlook, const core::executor& on,
                                core::steady_time now);
    static constexpr const char* port_taken = "port-taken";
    // Who keeps a launch from the port, through the descriptors of all processes, on any thread.
    [[nodiscard]] static listener_judgement search_taker(std::uint16_t port);
    // Nothing: the port is free again.
    [[nodiscard]] fault taken_by(const listener_judgement& taker) const;
    // In place of prepare(), for a process that an earlier image of this program launched.
    [[nodiscard]] core::result<void> resume(std::uint16_t port, bool followed, bool unreached,
                                            core::reason unguarded);
    // The process is ours now: it is reached where resume() expected it.
    void go_on();
    // The process is gone, or none came.
    void leave();
    // A person asked for a start: what was learned may have been repaired.
    void forget() noexcept { confined_.forget(); }

    // Who listens where the process `leader` should, by looks at its own processes: cheap. Nothing: others are there too,
    // and only a search tells of them. One that is open to the network is `exposed` where that is forbidden, else
    // warned of.
    [[nodiscard]] std::optional<listener_judgement> glance(pid_t leader);
    // Through the descriptors of all processes, on any thread; for settled() on the loop, which says the same as glance().
    [[nodiscard]] static listener_judgement search_all(std::uint16_t port, pid_t leader);
    [[nodiscard]] listener_judgement settled(listener_judgement found);
    // The service must end for what was found.
    [[nodiscard]] static bool is_wrong(const listener_judgement& found) noexcept;
    [[nodiscard]] process::program_fault fault_of(const listener_judgement& found, core::steady_time now);
    // For a look that found no listener: the guard may not have reached the program. `moved`: it was followed to the
    // port that is compiled into it, so look again.
    struct search {
        bool moved = false;
        fault wrong;
    };
    [[nodiscard]] search listener_missing(pid_t leader, core::steady_time now);
    // Of a process that ended while it loaded: the port that its program may have wanted for itself; 0: none.
    [[nodiscard]] std::uint16_t contested_port() const;
    // search_all() of that port found it in use by another service.
    void lost_its_port() { note_fixed_port(); }
    // Why a service whose port another has must wait for its turn; the id is `turn_lost`.
    [[nodiscard]] process::program_fault turn_fault() const;
    static constexpr const char* turn_lost = "port-turn";
    // Compiled into the program and out of the guard's reach, as far as is known of it or of others of its kind.
    [[nodiscard]] std::uint16_t fixed_port() const;
    // Whatever of it listens outside loopback, at any port (process::listeners_beyond_loopback): a fault where that is
    // forbidden, else a warning.
    [[nodiscard]] fault judge_open(const std::vector<process::listening_socket>& open, core::steady_time now);

    [[nodiscard]] const boost::asio::ip::tcp::endpoint& endpoint() const noexcept { return endpoint_; }
    [[nodiscard]] const confinement& confined() const noexcept { return confined_; }
    // What others can reach of the present process, and whether it takes turns; may be empty.
    [[nodiscard]] std::string warning() const;

private:
    void note_fixed_port();
    // No other service has it, from now on.
    [[nodiscard]] bool take_turn();
    void move_to(const boost::asio::ip::tcp::endpoint& where);
    void warn_of(core::reason what);
    [[nodiscard]] process::program_fault unguarded(core::reason what, core::steady_time now);

    boost::asio::ip::tcp::endpoint endpoint_;
    std::function<void(const boost::asio::ip::tcp::endpoint&)> on_endpoint_;
    std::string label_;
    core::milliseconds refused_for_;
    confinement confined_;
    std::shared_ptr<fixed_ports> ports_;
    process::own_listeners own_;
    core::reason warning_;
    core::reason warned_;  // in the log, so that it is said once and not at each restart
};

}  // namespace corral::supervisor
