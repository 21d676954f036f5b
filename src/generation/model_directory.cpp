#include "corral/generation/model_directory.hpp"

#include <algorithm>
#include <utility>

#include "corral/catalog/model_name.hpp"

namespace corral::generation {

namespace {

served completed(served_model model) {
    if (model.name.empty()) {
        model.name = model.entry->name;
        model.digest = model.entry->digest;
        model.modified = model.entry->modified;
    }
    if (model.lane.empty()) {
        model.lane = model.entry->name;
    }
    return std::make_shared<const served_model>(std::move(model));
}

template <typename Models>
auto position(Models& all, std::string_view typed) {
    return std::find_if(all.begin(), all.end(),
                        [&](const served& each) { return catalog::same_model(each->name, typed); });
}

}  // namespace

served tier_of(const served& model, const engine::backend& which) {
    for (const served_model& tier : model->tiers) {
        if (!tier.runs_on(&which)) {
            continue;
        }
        struct view {
            served below;
            served_model as;
        };
        auto made = std::make_shared<view>();
        made->below = model;
        made->as = *model;
        made->as.tiers.clear();
        made->as.entry = tier.entry;
        made->as.runtime = tier.runtime;
        made->as.instances = tier.instances;
        return {made, &made->as};
    }
    return model;
}

model_directory::model_directory(std::vector<served_model> all) {
    for (served_model& each : all) {
        all_.push_back(completed(std::move(each)));
    }
}

served model_directory::find(std::string_view typed) const {
    const auto found = position(all_, typed);
    return found == all_.end() ? nullptr : *found;
}

void model_directory::put(served_model model) {
    served added = completed(std::move(model));
    const auto found = position(all_, added->name);
    if (found == all_.end()) {
        all_.push_back(std::move(added));
    } else {
        *found = std::move(added);
    }
}

bool model_directory::remove(std::string_view typed) {
    const auto found = position(all_, typed);
    if (found == all_.end()) {
        return false;
    }
    all_.erase(found);
    return true;
}

}  // namespace corral::generation
