#include "corral/config/deployments.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "corral/catalog/placement.hpp"

namespace corral::config {

namespace {

catalog::model_entry as_processes(catalog::model_entry model) {
    const catalog::model_entry defaults;
    model.name.clear();
    model.family.clear();
    model.default_system.clear();
    model.capabilities.clear();
    model.package_forbids_thinking = false;
    model.history = defaults.history;
    model.oversize = defaults.oversize;
    model.moves_lines = defaults.moves_lines;
    model.reuse = defaults.reuse;
    model.reuse_across_keys = defaults.reuse_across_keys;
    model.ahead = defaults.ahead;
    model.ahead_share = defaults.ahead_share;
    model.strict_schemas = defaults.strict_schemas;
    model.sampling = defaults.sampling;
    model.parameter_size.clear();
    model.quantization.clear();
    return model;
}

bool run_alike(const catalog::model_entry& a, const catalog::model_entry& b) {
    return a.package == b.package && a.card_sets == b.card_sets && a.instances == b.instances &&
           a.failback_after == b.failback_after &&
           catalog::same_processes(as_processes(a), as_processes(b)) &&
           std::equal(a.fallbacks.begin(), a.fallbacks.end(), b.fallbacks.begin(), b.fallbacks.end(),
                      [](const auto& one, const auto& other) {
                          return one.preload == other.preload && run_alike(one, other);
                      });
}

// Negative is for ever, and nothing is what the configuration says for all.
std::optional<core::nanoseconds> longer(std::optional<core::nanoseconds> a,
                                        std::optional<core::nanoseconds> b) {
    if (!a || !b) {
        return a ? a : b;
    }
    const bool for_ever = a->count() < 0 || b->count() < 0;
    return for_ever ? core::nanoseconds{-1} : std::max(*a, *b);
}

void join(deployment& to, const catalog::model_entry& model) {
    to.entry.preload = to.entry.preload || model.preload;
    to.entry.pinned = to.entry.pinned || model.pinned;
    to.entry.keep_alive = longer(to.entry.keep_alive, model.keep_alive);
}

}  // namespace

std::vector<deployment> deployments_of(const std::vector<catalog::model_entry>& models,
                                       const std::vector<std::string>& running) {
    std::vector<deployment> out;
    for (std::size_t i = 0; i < models.size(); ++i) {
        const auto twin = std::find_if(
            out.begin(), out.end(), [&](const deployment& one) { return run_alike(one.entry, models[i]); });
        if (twin == out.end()) {
            out.push_back({models[i], {i}});
            continue;
        }
        join(*twin, models[i]);
        twin->members.push_back(i);
    }
    for (deployment& one : out) {
        const auto runs = std::find_if(one.members.begin(), one.members.end(), [&](std::size_t member) {
            return std::find(running.begin(), running.end(), models[member].name) != running.end();
        });
        if (runs == one.members.end() || *runs == one.members.front()) {
            continue;
        }
        deployment renamed{models[*runs], std::move(one.members)};
        for (const std::size_t member : renamed.members) {
            join(renamed, models[member]);
        }
        one = std::move(renamed);
    }
    return out;
}

}  // namespace corral::config
