#pragma once
// The running side of a group: who waits for it, who watches it, who asks it to change. Keeps its services in
// the wanted state; never knows a prompt.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/process/child.hpp"
#include "corral/supervisor/context.hpp"
#include "corral/supervisor/handover.hpp"
#include "corral/supervisor/service_spec.hpp"
#include "corral/supervisor/service_status.hpp"

namespace corral::telemetry {
class line_ring;
}

namespace corral::supervisor {

// Hears of a group. Called on the loop's thread, never inside a call of the hearer into the group. Must not
// throw.
class group_observer {
public:
    virtual ~group_observer() = default;
    // Bytes as read. They are not to be trusted: a runtime prints the prompt word for word.
    virtual void on_output(std::string_view service, process::output_stream stream,
                           std::string_view bytes) = 0;
    virtual void on_status(const service_status& now) = 0;
};

class group {
public:
    virtual ~group() = default;
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
    [[nodiscard]] virtual std::vector<service_status> status() const = 0;
    // Every service is ready.
    [[nodiscard]] virtual bool ready() const noexcept = 0;
    // What is not ready is on its way to be; else on its way down.
    [[nodiscard]] virtual bool wanted() const noexcept { return true; }
    // Succeeds when ready; fails with the reason when a service is broken, on timed_out, cancelled, or while
    // stopping.
    [[nodiscard]] virtual core::awaitable<core::result<void>> wait_ready(core::deadline until) = 0;
    // Looks now whether each service is ready and its port held by that service alone; one with a foreign
    // listener beside it is killed. Ask before a prompt goes in: between the supervisor's own looks (1 to 15
    // s apart) a twin with SO_REUSEPORT could come (docs/facts/vendor_ax.md#failures, F17). Costs looks at the
    // services' own processes, and only where another listener is there a search, beside the loop.
    [[nodiscard]] virtual core::awaitable<bool> verify_endpoints() { co_return ready(); }
    // Kills that service now and restarts it, and those that depend on it, in order. `cause` is for status
    // and log; `why` is asked, cancel or hang. No effect when it is not running; to cancel, when it is
    // not ready.
    virtual void restart(std::string_view service, core::reason cause, restart_reason why) = 0;
    // A signal stopped that service's process, now or earlier in its life, so that its silence is not its own.
    [[nodiscard]] virtual bool halted(std::string_view /*service*/) const { return false; }
    // That service has no process, or one that has ended, also where nothing tells so yet: its port may be another's.
    [[nodiscard]] virtual bool ended(std::string_view /*service*/) const { return false; }
    // An answer of that service came to a good end: what it printed before is no sign of what comes.
    virtual void went_well(std::string_view /*service*/) {}
    // Wanted state. start() also closes an open breaker.
    virtual void start() = 0;
    // Stops all, last service first, each by its ladder; true when nothing of the group lives.
    [[nodiscard]] virtual core::awaitable<bool> stop(core::deadline until) = 0;
    // For another image of this process; nothing unless every service is ready. Changes nothing here: the
    // descriptors stay the group's.
    [[nodiscard]] virtual std::optional<group_handover> hand_over() const = 0;
    // Borrowed; remove before the observer dies.
    virtual void add_observer(group_observer* hears) = 0;
    virtual void remove_observer(group_observer* hears) = 0;
    // The last steps of its services, oldest first; bounded. A record is there before on_status() tells of
    // it.
    [[nodiscard]] virtual std::deque<transition_record> history() const { return {}; }
    // The last lines a service printed, oldest first; bounded.
    [[nodiscard]] virtual std::deque<std::string> recent_lines(std::string_view service) const = 0;
    // The same with their times and numbers; the ring lives as long as the group. nullptr: no such service.
    [[nodiscard]] virtual const telemetry::line_ring* output_of(std::string_view /*service*/) const {
        return nullptr;
    }
};

// A stopped group that keeps `wanted`. The end of the last reference kills what lives of it.
[[nodiscard]] std::shared_ptr<group> make_group(const supervisor_context& context, group_spec wanted);

// A group that is ready and wanted, with the processes of an earlier image of this process; one that ended
// meanwhile is noticed and restarted at once. REQUIRES: they were started as `wanted` says. Fails, and takes
// nothing, when `handover` does not fit `wanted` or names what is not ours.
[[nodiscard]] core::result<std::shared_ptr<group>> adopt_group(const supervisor_context& context,
                                                               group_spec wanted,
                                                               const group_handover& handover);

}  // namespace corral::supervisor
