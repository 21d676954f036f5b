#pragma once
// Which models of a configuration run on the same processes: those that are started alike and differ only in
// what each request says anew (name, system prompt, family, sampling, capabilities). Going from one of them to
// another takes a reset and no load. Decides only.

#include <cstddef>
#include <string>
#include <vector>

#include "corral/catalog/profile.hpp"

namespace corral::config {

// Models on the same processes. For the scheduler they are one model, by the name of `entry`.
struct deployment {
    // What the processes are made of. It is loaded early or pinned when one of its members is to be, and
    // stays as long as the one that stays longest.
    catalog::model_entry entry;
    std::vector<std::size_t> members;  // positions in the list of models, in its order
};

// In the order of their first members. Each has the name of its first member, or of the first that is in
// `running`, so that a reload does not give what runs another name.
[[nodiscard]] std::vector<deployment> deployments_of(const std::vector<catalog::model_entry>& models,
                                                     const std::vector<std::string>& running = {});

}  // namespace corral::config
