#include "corral/generation/readiness.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace corral::generation {

namespace {

int hope_of(engine::availability_state state) {
    switch (state) {
        case engine::availability_state::ready:
            return 3;
        case engine::availability_state::loading:
            return 2;
        case engine::availability_state::stopped:
            return 1;
        case engine::availability_state::broken:
            break;
    }
    return 0;
}

}  // namespace

engine::availability availability_of(const scheduler::scheduler& admission, std::string_view deployment) {
    engine::availability best;
    bool first = true;
    const std::vector<engine::backend*> all = admission.runtimes_of(deployment);
    for (const engine::backend* each : all) {
        engine::availability now = each->available();
        if (first || hope_of(now.state) > hope_of(best.state)) {
            best = std::move(now);
        }
        first = false;
    }
    return best;
}

std::uint32_t context_length_of(const served_model& model) {
    std::uint32_t stated = model.runtime->facts().context_length;
    for (const engine::backend* each : model.instances) {
        stated = std::max(stated, each->facts().context_length);
    }
    return stated;
}

}  // namespace corral::generation
