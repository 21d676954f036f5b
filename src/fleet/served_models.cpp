#include "corral/fleet/served_models.hpp"

#include <algorithm>
#include <utility>

namespace corral::fleet {

namespace {

// A copy of a model has its digest in Ollama too.
void publish(std::vector<generation::served_model>& to, const std::string& name,
             const generation::served_model& like) {
    generation::served_model one = like;
    one.name = name;
    one.digest = like.entry->digest;
    one.modified = like.entry->modified;
    to.push_back(std::move(one));
}

// Each as this very model has it: what shares its processes may differ in family and the like.
void add_tiers(generation::served_model& to, const std::vector<std::unique_ptr<engine::backend>>& backends) {
    for (const catalog::model_entry& fallback : to.owned->fallbacks) {
        generation::served_model tier;
        tier.entry = &fallback;
        for (const auto& runtime : backends) {
            if (runtime->model().name == to.deployment && runtime->model().tier == fallback.tier) {
                tier.instances.push_back(runtime.get());
            }
        }
        tier.runtime = tier.instances.front();
        to.tiers.push_back(std::move(tier));
    }
}

}  // namespace

std::vector<generation::served_model> served_models(
    const std::vector<catalog::model_entry>& models, const std::vector<config::deployment>& deployments,
    const std::vector<std::unique_ptr<engine::backend>>& backends) {
    std::vector<generation::served_model> out;
    for (std::size_t i = 0; i < models.size(); ++i) {
        const auto deployment = std::ranges::find_if(deployments, [i](const config::deployment& each) {
            return std::ranges::find(each.members, i) != each.members.end();
        });
        generation::served_model model;
        model.owned = std::make_shared<const catalog::model_entry>(models[i]);
        model.entry = model.owned.get();
        model.deployment = deployment->entry.name;
        for (const auto& runtime : backends) {
            if (runtime->model().name == model.deployment && runtime->model().tier == 0) {
                model.instances.push_back(runtime.get());
            }
        }
        add_tiers(model, backends);
        model.runtime = model.instances.front();
        publish(out, models[i].name, model);
        for (const std::string& alias : models[i].aliases) {
            publish(out, alias, model);
        }
    }
    return out;
}

}  // namespace corral::fleet
