#include "corral/fleet/fleet.hpp"

#include <algorithm>
#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/config/configuration_manifests.hpp"
#include "corral/fleet/served_models.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::fleet {

fleet::fleet(const supervisor::supervisor_context& supervision, monitor::card_memory& memory,
             const config::configuration& settings)
    : supervision_(supervision),
      memory_(memory),
      retired_(*supervision.tasks, scheduler_, *supervision.clock),
      scheduler_(supervision.on, *supervision.clock, options_of(settings, memory, retired_)) {}

scheduler::scheduler_options fleet::options_of(const config::configuration& settings,
                                               monitor::card_memory& memory, const retired_models& retired) {
    memory.set_otherwise(settings.card_memory_mb);
    scheduler::scheduler_options out;
    out.usable_mb = [&memory](unsigned card) { return memory.of(card); };
    out.leaving = [&retired] { return retired.leaving(); };
    out.max_loaded = settings.max_loaded_models;
    out.swaps.max_overtakes = settings.swap.overtakes;
    out.swaps.least_patience = settings.swap.patience;
    out.swaps.most_patience = settings.swap.patience_ceiling;
    out.max_queue = settings.max_queue;
    out.conversation_hold = settings.conversation_hold;
    // Negative means forever in the configuration.
    out.keep_alive =
        settings.keep_alive < core::nanoseconds{0} ? core::nanoseconds::max() : settings.keep_alive;
    return out;
}

core::result<void> fleet::open(config::configuration& settings, upgrade::inheritance& inherited) {
    const std::vector<std::string> before = upgrade::deployments_before(inherited);
    std::vector<config::deployment> wanted = config::deployments_of(settings.models, before);
    std::string culprit;
    for (auto made = start(wanted, inherited, culprit); !made; made = start(wanted, inherited, culprit)) {
        if (!config::leave_out(settings, culprit, made.error().message, config::left_out_of::everything)) {
            return made;
        }
        telemetry::error(core::say("configuration.left-out-tier", culprit, made.error()));
        wanted = config::deployments_of(settings.models, before);
    }
    if (inherited.before) {
        upgrade::release_unclaimed(*supervision_.guard, inherited);
    }
    models_ =
        std::make_unique<generation::model_directory>(served_models(settings.models, wanted, backends_));
    open_variants(settings.state_directory);
    return {};
}

// Those that are not there yet.
core::result<void> fleet::start(const std::vector<config::deployment>& deployments,
                                upgrade::inheritance& inherited, std::string& culprit) {
    for (const config::deployment& each : deployments) {
        if (!scheduler_.runtimes_of(each.entry.name).empty()) {
            continue;
        }
        backend_list instances;
        for (const catalog::model_entry& here : catalog::places_of(each.entry)) {
            bool adopted = false;
            auto made = upgrade::make_or_adopt_backend(supervision_, here, inherited, adopted);
            if (!made) {
                culprit = each.entry.name;
                return made.error();
            }
            if (adopted) {
                adopted_.insert(each.entry.name);
            }
            instances.push_back(std::move(*made));
        }
        for (auto& instance : instances) {
            backends_.push_back(std::move(instance));
            scheduler_.add(*backends_.back());
        }
    }
    return {};
}

// Without a folder to keep them clients make no models; all else goes on.
void fleet::open_variants(const std::filesystem::path& state_directory) {
    if (state_directory.empty()) {
        return;
    }
    auto opened = catalog::variant_store::open(state_directory / "variants");
    if (!opened) {
        telemetry::warn(core::say("daemon.variant-left-out/no-folder", opened.error()));
        return;
    }
    variant_store_ = std::move(*opened);
    variants_ = std::make_unique<api::variant_library>(*models_, *variant_store_, *supervision_.tasks);
    variants_->load();
}

std::vector<std::string> fleet::deployments() const {
    std::vector<std::string> out;
    for (const auto& runtime : backends_) {
        const std::string& name = runtime->model().name;
        if (std::ranges::find(out, name) == out.end()) {
            out.push_back(name);
        }
    }
    return out;
}

}  // namespace corral::fleet
