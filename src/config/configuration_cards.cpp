#include "configuration_parts.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/placeholders.hpp"
#include "corral/core/say.hpp"

namespace corral::config {

namespace {

constexpr unsigned most_cards = 64;  // as for the card of [models.device]
constexpr std::size_t most_card_sets = 64;

// "0", "0,1"; nothing for another text, and for a card that comes twice.
std::optional<catalog::card_set> parse_card_set(std::string_view text) {
    catalog::card_set out;
    while (true) {
        unsigned card = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), card);
        if (error != std::errc{} || card >= most_cards ||
            std::find(out.begin(), out.end(), card) != out.end()) {
            return std::nullopt;
        }
        out.push_back(card);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.empty()) {
            return out;
        }
        if (text.front() != ',') {
            return std::nullopt;
        }
        text.remove_prefix(1);
    }
}

void read_seats(catalog::section& table, catalog::model_entry& entry) {
    entry.card_sets = {{entry.runtime.device.card}};
    std::vector<std::string> texts;
    table.texts_or_numbers("cards", texts);
    std::vector<catalog::card_set> card_sets;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        auto card_set = parse_card_set(texts[i]);
        if (!card_set) {
            table.complain(table.place("cards", i), core::say("configuration.cards/place", texts[i]));
        } else if (std::find(card_sets.begin(), card_sets.end(), *card_set) != card_sets.end()) {
            table.complain(table.place("cards", i), core::say("configuration.twice/cards", texts[i]));
        } else {
            card_sets.push_back(std::move(*card_set));
        }
    }
    if (table.has("cards") && texts.empty()) {
        table.complain(table.place("cards"), core::say("configuration.cards/cards"));
    } else if (card_sets.size() > most_card_sets) {
        table.complain(table.place("cards"), core::say("configuration.cards/name", most_card_sets));
    } else if (!card_sets.empty()) {
        entry.card_sets = std::move(card_sets);
    }
}

// A program that does not get its card would start on the same one for every place.
void check_devices(catalog::section& table, const catalog::model_entry& model) {
    const auto& services = model.runtime.services;
    const bool given = std::any_of(services.begin(), services.end(),
                                   [](const auto& service) { return catalog::mentions(service, "devices"); });
    if (model.card_sets.size() > 1 && !given && !services.empty()) {
        table.complain(table.place("cards"), core::say("configuration.cards/model", model.name));
    }
    for (const auto& service : services) {
        const bool fixed = service.port != 0 && !catalog::port_is_moved(model.runtime, service);
        if (model.card_sets.size() > 1 && fixed) {
            table.complain(table.place("cards"),
                           core::say("configuration.cards/names", model.name, service.name, service.port));
        }
    }
}

}  // namespace

void read_places(catalog::section& table, catalog::model_entry& entry) {
    read_seats(table, entry);
    check_devices(table, entry);
    entry.cards = entry.card_sets.front();
    entry.runtime.device.card = entry.cards.front();
    constexpr std::int64_t most_instances = 16;
    table.integer("instances", entry.instances, 1, most_instances);
    if (entry.instances > entry.card_sets.size()) {
        table.complain(
            table.place("instances"),
            core::say("configuration.cards/instances", entry.instances,
                      (entry.card_sets.size() == 1 ? std::string("one place")
                                                   : std::to_string(entry.card_sets.size()) + " places")));
    }
}

void read_model_cards(catalog::section& table, catalog::model_entry& entry) {
    read_places(table, entry);
    table.flag("preload", entry.preload);
    table.flag("pinned", entry.pinned);
    std::string stay;
    table.text_or_number("keep_alive", stay);
    entry.keep_alive = parse_keep_alive(stay);
    if (!stay.empty() && !entry.keep_alive) {
        table.complain(table.place("keep_alive"), core::say("configuration.not-a-duration/time", stay));
    }
}

void read_server_cards(catalog::section& root, configuration& to) {
    constexpr std::int64_t most_mb = 16 * 1024 * 1024;
    root.integer("max_loaded_models", to.max_loaded_models, 0, 1024);
    root.integer("card_memory_mb", to.card_memory_mb, 0, most_mb);
    if (auto swap = root.table("swap")) {
        swap->integer("overtakes", to.swap.overtakes, 1, 1000);
        swap->duration("patience", to.swap.patience, core::milliseconds{0}, std::chrono::minutes{10});
        swap->duration("patience_ceiling", to.swap.patience_ceiling, core::milliseconds{0},
                       std::chrono::hours{1});
        swap->finish();
        if (to.swap.patience_ceiling < to.swap.patience) {
            swap->complain(swap->place("patience_ceiling"), core::say("configuration.out-of-range/patience"));
        }
    }
}

}  // namespace corral::config
