#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/config/configuration_manifests.hpp"
#include "corral/config/server_places.hpp"
#include "corral/engine/dialect.hpp"
#include "corral/fleet/fleet.hpp"
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
    out.unseen = [&memory] { return memory.awaited(); };
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
    auto opened = catalog::variant_store::open(config::variants_folder(state_directory));
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

// What a reload does to the processes and to what clients are offered.

core::result<fleet_change> fleet::prepare(const config::configuration& wanted, std::string& culprit) {
    fleet_change out;
    out.deployments = config::deployments_of(wanted.models, deployments());
    for (const config::deployment& each : out.deployments) {
        auto change = prepare_deployment(each);
        if (!change) {
            culprit = each.entry.name;
            return change.error();
        }
        out.changes.push_back(std::move(*change));
    }
    return out;
}

// An instance whose processes would be started as they were keeps them, whatever becomes of the others.
core::result<deployment_change> fleet::prepare_deployment(const config::deployment& wanted) const {
    deployment_change out;
    out.name = wanted.entry.name;
    for (catalog::model_entry& entry : catalog::places_of(wanted.entry)) {
        deployment_change::instance instance;
        instance.entry = std::move(entry);
        for (const auto& runtime : backends_) {
            const catalog::model_entry& now = runtime->model();
            const bool there =
                now.name == out.name && now.tier == instance.entry.tier && now.cards == instance.entry.cards;
            if (there && catalog::same_processes(now, instance.entry)) {
                instance.stays = runtime.get();
            }
        }
        if (instance.stays == nullptr) {
            auto made = engine::make_backend(supervision_, instance.entry);
            if (!made) {
                return made.error();
            }
            instance.comes = std::move(*made);
        }
        out.instances.push_back(std::move(instance));
    }
    return out;
}

void fleet::apply(fleet_change made, const config::configuration& settings, const reload_plan& plan) {
    scheduler_.adjust(options_of(settings, memory_, retired_));
    const std::vector<std::string> now = deployments();
    for (const std::string& name : now) {
        const bool stays = std::ranges::any_of(
            made.deployments, [&](const config::deployment& one) { return one.entry.name == name; });
        if (!stays) {
            remove_deployment(name);
        }
    }
    for (deployment_change& change : made.changes) {
        deploy(std::move(change));
    }
    retired_.admit_successors();
    sort_backends(settings.models);
    publish(settings, made.deployments, plan);
}

// Its running answer ends, then it is stopped and forgotten.
void fleet::retire(std::unique_ptr<engine::backend> runtime) {
    std::vector<std::weak_ptr<const generation::served_model>> holders = models_->holders_of(*runtime);
    if (listener_.on_removed) {
        listener_.on_removed(*runtime);
    }
    retired_.take(std::move(runtime), std::move(holders));
}

// Every backend of that deployment, but for those.
void fleet::retire_all_but(const std::string& name, const std::vector<engine::backend*>& stay) {
    const auto leave = std::stable_partition(backends_.begin(), backends_.end(), [&](const auto& runtime) {
        return runtime->model().name != name || std::ranges::find(stay, runtime.get()) != stay.end();
    });
    backend_list gone(std::make_move_iterator(leave), std::make_move_iterator(backends_.end()));
    backends_.erase(leave, backends_.end());
    for (auto& runtime : gone) {
        retire(std::move(runtime));
    }
}

// For good.
void fleet::remove_deployment(const std::string& name) {
    scheduler_.remove(name);
    retire_all_but(name, {});
}

// Gives those that stay what changed about them; false: nothing did.
bool fleet::renew_instances(deployment_change& change) {
    bool renewed = false;
    for (deployment_change::instance& each : change.instances) {
        if (each.stays == nullptr || same_setup(each.stays->model(), each.entry)) {
            continue;
        }
        renewed = true;
        if (!each.stays->renew(each.entry)) {
            telemetry::warn(core::say("model.place-changed", catalog::label_of(each.entry)));
        }
    }
    return renewed;
}

// One that is there comes back as it stood, or where it was broken; a new one as the configuration says.
bool fleet::is_to_be_loaded(const deployment_change& change) const {
    const std::vector<engine::backend*> runs = scheduler_.runtimes_of(change.name);
    if (runs.empty()) {
        return change.instances.front().entry.preload;
    }
    const bool broken = std::ranges::any_of(runs, [](const engine::backend* one) {
        return one->available().state == engine::availability_state::broken;
    });
    return scheduler_.residence_of(change.name).loaded || broken;
}

void fleet::deploy(deployment_change change) {
    const std::vector<engine::backend*> before = scheduler_.runtimes_of(change.name);
    const bool load = is_to_be_loaded(change);
    std::vector<engine::backend*> successors;
    for (const deployment_change::instance& each : change.instances) {
        successors.push_back(each.comes ? each.comes.get() : each.stays);
    }
    if (!renew_instances(change) && before == successors) {
        return;
    }
    scheduler_.replace(successors);
    retire_all_but(change.name, successors);
    std::vector<const engine::backend*> come;
    for (deployment_change::instance& each : change.instances) {
        if (!each.comes) {
            continue;
        }
        come.push_back(each.comes.get());
        if (listener_.on_deployed) {
            listener_.on_deployed(*each.comes);
        }
        backends_.push_back(std::move(each.comes));
    }
    if (come.empty()) {
        return;  // one that an earlier reload brought may still have to wait
    }
    retired_.when_stopped(
        come, [this, name = change.name, load, known = !before.empty()] { admit(name, load, known); });
}

void fleet::admit(const std::string& name, bool load, bool known) {
    scheduler_.admit(name);
    if (!load || scheduler_.suspended(name)) {
        return;
    }
    // A new one evicts no other before a request asks for it.
    if (known) {
        scheduler_.load(name, std::nullopt);
    } else {
        scheduler_.preload(name);
    }
}

// Names that left, then all that are there: what is held by requests on their way stays as it was.
void fleet::publish(const config::configuration& settings, const std::vector<config::deployment>& deployments,
                    const reload_plan& plan) {
    const std::vector<generation::served_model> all = served_models(settings.models, deployments, backends_);
    if (variants_) {
        for (const std::string& name : plan.removed) {
            variants_->set_aside(name);
        }
    }
    const std::vector<generation::served> before = models_->all();
    for (const generation::served& each : before) {
        const auto is_named = [&](const generation::served_model& one) {
            return catalog::same_model(one.name, each->name);
        };
        if (each->variant == nullptr && std::ranges::none_of(all, is_named)) {
            models_->remove(each->name);
        }
    }
    for (const generation::served_model& each : all) {
        models_->put(each);
    }
    if (variants_) {
        for (const catalog::model_entry& model : settings.models) {
            variants_->follow(model.name);
        }
    }
}

// In the order of the file, and of a model's card sets, for people.
void fleet::sort_backends(const std::vector<catalog::model_entry>& models) {
    const auto rank = [&models](const std::unique_ptr<engine::backend>& one) {
        const catalog::model_entry& entry = one->model();
        const auto model =
            std::ranges::find_if(models, [&](const auto& each) { return each.name == entry.name; });
        const auto card_set = std::ranges::find(entry.card_sets, entry.cards);
        return std::tuple(model - models.begin(), entry.tier, card_set - entry.card_sets.begin());
    };
    std::ranges::stable_sort(backends_, [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

}  // namespace corral::fleet
