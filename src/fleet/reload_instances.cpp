// What a reload does to the processes and to what clients are offered.

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/engine/dialect.hpp"
#include "corral/fleet/served_models.hpp"
#include "corral/telemetry/log.hpp"
#include "reload_change.hpp"

namespace corral::fleet {

std::vector<std::string> reloader::deployments_now() const {
    std::vector<std::string> out;
    for (const auto& runtime : *parts_.backends) {
        const std::string& name = runtime->model().name;
        if (std::find(out.begin(), out.end(), name) == out.end()) {
            out.push_back(name);
        }
    }
    return out;
}

// A place whose processes would be started as they were keeps them, whatever becomes of the others.
core::result<reloader::deployment_change> reloader::prepare_deployment(const config::deployment& deployment) {
    deployment_change out;
    out.name = deployment.entry.name;
    for (catalog::model_entry& entry : catalog::places_of(deployment.entry)) {
        deployment_change::place place;
        place.entry = std::move(entry);
        for (const auto& runtime : *parts_.backends) {
            const catalog::model_entry& now = runtime->model();
            const bool there =
                now.name == out.name && now.tier == place.entry.tier && now.cards == place.entry.cards;
            if (there && catalog::same_processes(now, place.entry)) {
                place.stays = runtime.get();
            }
        }
        if (place.stays == nullptr) {
            auto made = engine::make_backend(*parts_.supervision, place.entry);
            if (!made) {
                return made.error();
            }
            place.comes = std::move(*made);
        }
        out.places.push_back(std::move(place));
    }
    return out;
}

// Its running answer ends, then it is stopped and forgotten.
void reloader::retire(std::unique_ptr<engine::backend> runtime) {
    std::vector<std::weak_ptr<const generation::served_model>> holders;
    for (const generation::served& each : parts_.models->all()) {
        const bool by_tier = std::any_of(each->tiers.begin(), each->tiers.end(),
                                         [&](const auto& tier) { return tier.runs_on(runtime.get()); });
        if (by_tier || each->runs_on(runtime.get())) {
            holders.emplace_back(each);
        }
    }
    parts_.on_removed(*runtime);
    retired_.take(std::move(runtime), std::move(holders));
}

// The whole deployment, for good.
void reloader::remove_deployment(const std::string& deployment) {
    parts_.admission->remove(deployment);
    auto& backends = *parts_.backends;
    const auto leave = std::stable_partition(backends.begin(), backends.end(), [&](const auto& runtime) {
        return runtime->model().name != deployment;
    });
    std::vector<std::unique_ptr<engine::backend>> gone(std::make_move_iterator(leave),
                                                       std::make_move_iterator(backends.end()));
    backends.erase(leave, backends.end());
    for (auto& runtime : gone) {
        retire(std::move(runtime));
    }
}

void reloader::deploy(deployment_change change) {
    auto& backends = *parts_.backends;
    const auto runs = parts_.admission->runtimes_of(change.name);
    const bool known = !runs.empty();
    const bool broken = std::any_of(runs.begin(), runs.end(), [](const engine::backend* one) {
        return one->available().state == engine::availability_state::broken;
    });
    const bool loaded = known ? parts_.admission->residence_of(change.name).loaded || broken
                              : change.places.front().entry.preload;
    bool comes = false;
    bool renewed = false;
    std::vector<engine::backend*> successors;
    for (deployment_change::place& place : change.places) {
        comes = comes || place.comes != nullptr;
        successors.push_back(place.comes ? place.comes.get() : place.stays);
        if (place.stays == nullptr || same_setup(place.stays->model(), place.entry)) {
            continue;
        }
        renewed = true;
        if (!place.stays->renew(place.entry)) {
            telemetry::log().warn(
                "model {}: what changed about its places takes effect when it is next started",
                catalog::label_of(place.entry));
        }
    }
    if (!renewed && runs == successors) {
        return;
    }
    parts_.admission->replace(successors);
    std::vector<std::unique_ptr<engine::backend>> leave;
    for (auto& runtime : backends) {
        const bool stays = std::find(successors.begin(), successors.end(), runtime.get()) != successors.end();
        if (runtime->model().name == change.name && !stays) {
            leave.push_back(std::move(runtime));
        }
    }
    std::erase(backends, nullptr);
    for (auto& runtime : leave) {
        retire(std::move(runtime));
    }
    for (deployment_change::place& place : change.places) {
        if (place.comes) {
            parts_.on_deployed(*place.comes);
            backends.push_back(std::move(place.comes));
        }
    }
    if (!comes) {
        parts_.admission->admit(change.name);
        return;
    }
    retired_.when_stopped([admission = parts_.admission, deployment = change.name, loaded, known] {
        admission->admit(deployment);
        if (!loaded || admission->suspended(deployment)) {
            return;
        }
        // A new one takes nobody's place before somebody asks for it.
        if (known) {
            admission->load(deployment, std::nullopt);
        } else {
            admission->preload(deployment);
        }
    });
}

// Names that left, then all that are there: what is held by requests on their way stays as it was.
void reloader::publish(const std::vector<config::deployment>& deployments, const reload_plan& plan) {
    const std::vector<api::served_model> all =
        served_models(parts_.settings->models, deployments, *parts_.backends);
    for (const std::string& name : plan.removed) {
        if (*parts_.variants) {
            (*parts_.variants)->set_aside(name);
        }
    }
    const std::vector<generation::served> before = parts_.models->all();
    for (const generation::served& each : before) {
        const bool named = std::any_of(all.begin(), all.end(), [&](const generation::served_model& one) {
            return catalog::same_model(one.name, each->name);
        });
        if (each->variant == nullptr && !named) {
            parts_.models->remove(each->name);
        }
    }
    for (const generation::served_model& each : all) {
        parts_.models->put(each);
    }
    for (const catalog::model_entry& model : parts_.settings->models) {
        if (*parts_.variants) {
            (*parts_.variants)->follow(model.name);
        }
    }
}

// In the order of the file, and of a model's places, for people.
void reloader::sort_backends() {
    const std::vector<catalog::model_entry>& models = parts_.settings->models;
    const auto place = [&models](const std::unique_ptr<engine::backend>& one) {
        const catalog::model_entry& entry = one->model();
        const auto model = std::find_if(models.begin(), models.end(),
                                        [&](const auto& each) { return each.name == entry.name; });
        const auto seat = std::find(entry.seats.begin(), entry.seats.end(), entry.cards);
        return std::tuple(model - models.begin(), entry.tier, seat - entry.seats.begin());
    };
    std::stable_sort(parts_.backends->begin(), parts_.backends->end(),
                     [&](const auto& a, const auto& b) { return place(a) < place(b); });
}

}  // namespace corral::fleet
