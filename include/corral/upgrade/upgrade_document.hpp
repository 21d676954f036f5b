#pragma once
// What one image of this program leaves to the next one in the same process (docs/packages.md): written as
// JSON into sealed memory, and read as if a stranger had written it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/engine/handover.hpp"
#include "corral/http/server.hpp"
#include "corral/process/warden.hpp"

namespace corral::upgrade {

// Of the format below. An image that does not know a version is not given it: it is asked before.
inline constexpr int handover_version = 1;
inline constexpr std::size_t longest_handover = 16U * 1024 * 1024;  // bytes

struct model_handover {
    std::string name;                                  // the label of a set of processes (catalog::label_of)
    bool wanted = true;                                // false: unloaded, until a request asks for it
    bool suspended = false;                            // by its operator: no request asks for it
    core::nanoseconds stay{core::nanoseconds::max()};  // after the last request that needs it
    std::optional<engine::backend_handover> running;   // absent: nothing of it runs
};

// Models that are stopped for as long as a process runs.
struct loan_handover {
    int asker = -1;  // its pidfd
    std::set<std::string> models;
    core::steady_time until = core::steady_time::max();  // absent where another image wrote none
};

struct handover {
    process::warden_handover guard;
    std::uint64_t descriptor_limit = 0;  // of children; 0: as ours
    std::vector<int> listeners;
    bool activated = false;  // the listeners came from a service manager
    std::vector<http::kept_connection> connections;
    int state_lock = -1;       // of the state directory; none, or another image knew of none
    bool drained = false;      // by its operator; may be absent in what another image wrote
    core::steady_time paused;  // since then clients wait
    std::vector<model_handover> models;
    std::vector<loan_handover> loans;
    std::string cards;   // monitor::card_memory::text(); empty: no tool has told
    std::string speeds;  // monitor::speed_history::text(); empty: they are in the file, or nowhere
};

[[nodiscard]] std::string encode(const handover& what);
// Fails with errc::invalid on anything but what encode() of this version writes. Says nothing of whether the
// descriptors are open: see check_descriptors().
[[nodiscard]] core::result<handover> decode(std::string_view text);

// Every descriptor in it.
[[nodiscard]] std::vector<int> descriptors_of(const handover& what);
// Each of them open, above 2 and there once.
[[nodiscard]] core::result<void> check_descriptors(const handover& what);

}  // namespace corral::upgrade
