#pragma once
// The signals that end a service, step by step, by the phase it is in. Decides only.

#include <vector>

#include "corral/catalog/profile.hpp"

namespace corral::supervisor {

enum class stop_phase {
    loading,  // the profile's `stop_loading`: Axera ignores SIGINT then (docs/facts/vendor_ax.md#signals)
    ready,    // the profile's `stop_ready`
    dead      // beyond talking to: SIGKILL at once
};

// Never empty: its last step is SIGKILL to the whole group, with at least a second of grace, which is
// repeated until the process has gone.
[[nodiscard]] std::vector<catalog::stop_step> stop_ladder(const catalog::service_template& rules,
                                                          stop_phase phase);

}  // namespace corral::supervisor
