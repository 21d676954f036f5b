#include "corral/catalog/placement.hpp"

namespace corral::catalog {

namespace {

model_entry without_place(model_entry of) {
    const model_entry defaults;
    of.aliases.clear();
    of.source.clear();
    of.card_sets = defaults.card_sets;
    of.instances = defaults.instances;
    of.cards = defaults.cards;
    of.preload = defaults.preload;
    of.pinned = defaults.pinned;
    of.keep_alive.reset();
    of.fallbacks.clear();
    of.tier = 0;
    of.failback_after = defaults.failback_after;
    of.runtime.device.card = 0;
    of.size_bytes = 0;
    of.device_bytes = 0;
    of.digest.clear();
    of.modified = {};
    return of;
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
