#pragma once
// Where models run and how long they stay: the keys about cards, instances and room, of a model and of the
// server.

#include "corral/catalog/toml_section.hpp"
#include "corral/config/configuration.hpp"

namespace corral::config {

// cards, instances, preload, pinned, keep_alive of a [[models]] table. Call it when all that says how the
// model is started has been read.
// The part of it that fallbacks have too: `cards` and `instances`.
void read_places(catalog::section& from, catalog::model_entry& to);

void read_model_cards(catalog::section& from, catalog::model_entry& to);

// max_loaded_models, card_memory_mb and the table `swap`.
void read_server_cards(catalog::section& root, configuration& to);

}  // namespace corral::config
