#pragma once
// What a set of processes takes of its cards, before it was ever seen there and after.

#include <cstdint>
#include <memory>
#include <vector>

#include "corral/catalog/profile.hpp"
#include "corral/engine/backend.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/supervisor/service_spec.hpp"

namespace corral::engine {

// `measured_mb`: what the device's own figures showed, in MiB, of all its cards together; 0: not seen yet,
// then what the configuration says, then an estimate from the sizes of the files. No cards when no service of
// the model needs the device. What `services` know of a fixed port is claimed too.
[[nodiscard]] device_claim claim_of(const catalog::model_entry& model, std::uint64_t measured_mb,
                                    const supervisor::group* services = nullptr);

// What the device's figures showed of a set of processes, in MiB; `before` while they were not seen yet.
[[nodiscard]] std::uint64_t measured_by(const std::vector<std::shared_ptr<supervisor::start_gate>>& gates,
                                        std::uint64_t before);

}  // namespace corral::engine
