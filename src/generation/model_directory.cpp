#include "corral/generation/model_directory.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "corral/catalog/model_name.hpp"
#include "corral/core/text.hpp"

namespace corral::generation {

namespace {

served completed(served_model model) {
    if (model.name.empty()) {
        model.name = model.entry->name;
        model.digest = model.entry->digest;
        model.modified = model.entry->modified;
    }
    if (model.deployment.empty()) {
        model.deployment = model.entry->name;
    }
    return std::make_shared<const served_model>(std::move(model));
}

// Nothing for what is no name of a model.
std::optional<std::string> key_of(std::string_view typed) {
    auto name = catalog::display_name(typed);
    return name ? std::optional(core::lower_case(*name)) : std::nullopt;
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
    index_again();
}

// Of two with one name the first counts.
void model_directory::index_again() {
    places_.clear();
    for (std::size_t place = 0; place < all_.size(); ++place) {
        if (auto key = key_of(all_[place]->name)) {
            places_.emplace(*std::move(key), place);
        }
    }
}

served model_directory::find(std::string_view typed) const {
    const auto key = key_of(typed);
    const auto found = key ? places_.find(*key) : places_.end();
    return found == places_.end() ? nullptr : all_[found->second];
}

void model_directory::put(served_model model) {
    served added = completed(std::move(model));
    const auto key = key_of(added->name);
    const auto found = key ? places_.find(*key) : places_.end();
    if (found != places_.end()) {
        note_former(std::exchange(all_[found->second], std::move(added)));
        return;
    }
    if (key) {
        places_.emplace(*key, all_.size());
    }
    all_.push_back(std::move(added));
}

bool model_directory::remove(std::string_view typed) {
    const served found = find(typed);
    if (found != nullptr) {
        remove_all([&](const served_model& each) { return &each == found.get(); });
    }
    return found != nullptr;
}

void model_directory::remove_all(const std::function<bool(const served_model&)>& which) {
    const auto goes = [&](const served& each) {
        const bool is_meant = which(*each);
        if (is_meant) {
            note_former(each);
        }
        return is_meant;
    };
    if (std::erase_if(all_, goes) > 0) {
        index_again();
    }
}

// Each time they are twice as many: a reload may replace thousands at once.
void model_directory::note_former(const served& gone) {
    if (former_.size() >= most_former_) {
        constexpr std::size_t least = 64;
        std::erase_if(former_, [](const auto& each) { return each.expired(); });
        most_former_ = std::max(least, 2 * former_.size());
    }
    former_.emplace_back(gone);
}

std::vector<std::weak_ptr<const served_model>> model_directory::holders_of(
    const engine::backend& which) const {
    const auto points_at = [&which](const served_model& one) {
        return one.runs_on(&which) ||
               std::ranges::any_of(one.tiers, [&](const served_model& tier) { return tier.runs_on(&which); });
    };
    std::vector<std::weak_ptr<const served_model>> out;
    for (const served& each : all_) {
        if (points_at(*each)) {
            out.emplace_back(each);
        }
    }
    for (const auto& each : former_) {
        const served held = each.lock();
        if (held != nullptr && points_at(*held)) {
            out.push_back(each);
        }
    }
    return out;
}

core::awaitable<served> model_directory::whole(served model) const {
    if (model == nullptr || model->variant == nullptr || !model->variant->on_disk) {
        co_return model;
    }
    if (!read_) {
        co_return nullptr;
    }
    served read = co_await read_(std::move(model));
    co_return read;
}

}  // namespace corral::generation
