#pragma once
// Where models run and how long they stay: the keys about cards, instances and card memory, of a model and of
// the server.

#include "corral/catalog/toml_section.hpp"
#include "corral/config/configuration.hpp"

namespace corral::config {

// `cards` and `instances`, which fallbacks have too.
void read_places(catalog::section& table, catalog::model_entry& entry);

// Those, and preload, pinned, keep_alive of a [[models]] table. Call it when all that says how the model is
// started has been read.
void read_model_cards(catalog::section& table, catalog::model_entry& entry);

// max_loaded_models, card_memory_mb and the table `swap`.
void read_server_cards(catalog::section& root, configuration& to);

}  // namespace corral::config
