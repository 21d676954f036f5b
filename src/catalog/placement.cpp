#include "corral/catalog/placement.hpp"

namespace corral::catalog {

namespace {

model_entry without_place(model_entry model) {
    const model_entry defaults;
    model.aliases.clear();
    model.source.clear();
    model.card_sets = defaults.card_sets;
    model.instances = defaults.instances;
    model.cards = defaults.cards;
    model.preload = defaults.preload;
    model.pinned = defaults.pinned;
    model.keep_alive.reset();
    model.fallbacks.clear();
    model.tier = 0;
    model.failback_after = defaults.failback_after;
    model.runtime.device.card = 0;
    model.size_bytes = 0;
    model.device_bytes = 0;
    model.digest.clear();
    model.modified = {};
    return model;
}

}  // namespace

std::string card_set_text(const card_set& cards) {
    std::string out;
    for (const unsigned card : cards) {
        out += (out.empty() ? "" : ",") + std::to_string(card);
    }
    return out;
}

model_entry entry_at(const model_entry& model, const card_set& cards) {
    model_entry out = model;
    out.cards = cards;
    if (!cards.empty()) {
        out.runtime.device.card = cards.front();
    }
    return out;
}

std::string label_of(const model_entry& model) {
    const std::string tier = model.tier == 0 ? std::string() : "fallback" + std::to_string(model.tier);
    const std::string place = model.card_sets.size() > 1 ? card_set_text(model.cards) : std::string();
    if (tier.empty() && place.empty()) {
        return model.name;
    }
    return model.name + "@" + tier + (tier.empty() || place.empty() ? "" : ":") + place;
}

std::vector<model_entry> places_of(const model_entry& model) {
    std::vector<model_entry> out;
    for (const card_set& cards : model.card_sets) {
        out.push_back(entry_at(model, cards));
    }
    for (const model_entry& fallback : model.fallbacks) {
        for (const card_set& cards : fallback.card_sets) {
            out.push_back(entry_at(fallback, cards));
        }
    }
    return out;
}

bool same_processes(const model_entry& a, const model_entry& b) {
    return without_place(a) == without_place(b);
}

}  // namespace corral::catalog
