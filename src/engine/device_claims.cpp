#include "engine/device_claims.hpp"

#include <algorithm>

namespace corral::engine {

namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;

// Weights alone are not all: the KV cache of the whole context and the buffers of every group come with the
// load. Qwen3-4B: 4122 MiB of layer files and last stage (5.1 GB less an embedding of 742 MiB that stays on
// the host) became a process of 4779 MiB, 1.16 times as much; Qwen2.5-1.5B: about 1470 became 1943, 1.32
// times (docs/facts/vendor_ax.md#figures). Between both, for an estimate that is too high only asks for room
// that one start then shows to be free, and one that is too low costs a start that fails.
constexpr std::uint64_t estimated(std::uint64_t bytes) {
    return (bytes + bytes / 4 + mebibyte - 1) / mebibyte;
}

}  // namespace

std::uint64_t measured_by(const std::vector<std::shared_ptr<supervisor::start_gate>>& gates,
                          std::uint64_t before) {
    std::uint64_t sum = 0;
    for (const auto& gate : gates) {
        sum += gate->measured_mb();
    }
    return sum != 0 ? sum : before;
}

device_claim claim_of(const catalog::model_entry& model, std::uint64_t measured_mb,
                      const supervisor::group* services) {
    const auto& rules = model.runtime.services;
    const bool needs = std::any_of(rules.begin(), rules.end(),
                                   [](const catalog::service_template& service) { return service.device; });
    device_claim out;
    const auto all = services == nullptr ? std::vector<supervisor::service_status>{} : services->status();
    for (const supervisor::service_status& each : all) {
        out.port = each.fixed_port != 0 ? each.fixed_port : out.port;
    }
    if (!needs) {
        return out;
    }
    out.cards = model.cards;
    if (measured_mb != 0) {
        out.memory_mb = measured_mb;
        out.measured = true;
    } else if (model.runtime.device.memory_mb != 0) {
        out.memory_mb = model.runtime.device.memory_mb;
    } else {
        out.memory_mb = estimated(model.device_bytes);
    }
    return out;
}

}  // namespace corral::engine
