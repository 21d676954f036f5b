#pragma once
// Readers of parts of a configuration.

#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "corral/catalog/toml_section.hpp"
#include "corral/config/configuration.hpp"
#include "corral/config/configuration_model.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::config {

// Addresses and durations as people, and Ollama's variables, write them.

// "127.0.0.1:11434", "[::1]:8080", "localhost:0", "0.0.0.0:11434". No name is looked up.
[[nodiscard]] core::result<boost::asio::ip::tcp::endpoint> parse_listen(std::string_view text);

// OLLAMA_HOST: [scheme://]host[:port][/path]; without a port 11434, or 80 and 443 after a scheme; a bad port
// means 11434; no host means every interface (docs/facts/ollama_wire.md#environment).
[[nodiscard]] core::result<boost::asio::ip::tcp::endpoint> parse_ollama_host(std::string_view text);

// "forever", "5m", "1h30m", "300" (seconds), anything negative (for ever); nothing for another text. For ever
// is a negative value (docs/facts/ollama_wire.md#environment).
[[nodiscard]] std::optional<core::nanoseconds> parse_keep_alive(std::string_view text);

// Where models run and how long they stay: the keys about cards, instances and card memory, of a model and of
// the server.

// `cards` and `instances`, which fallbacks have too.
void read_places(catalog::section& table, catalog::model_entry& entry);

// Those, and preload, pinned, keep_alive of a [[models]] table. Call it when all that says how the model is
// started has been read.
void read_model_cards(catalog::section& table, catalog::model_entry& entry);

// max_loaded_models, card_memory_mb and the table `swap`.
void read_server_cards(catalog::section& root, configuration& to);

// What a [[models]] table and its fallbacks say of the processes: profile, variables, services and package.

// Profile, variables, overrides and package. False: there is no profile to go on with, and the reason is
// reported.
[[nodiscard]] bool read_processes(catalog::section& table, catalog::model_entry& entry,
                                  configuration_reading& context);
// What the commands need is there, and nothing is given that none takes. REQUIRES: all else was read.
void check_processes(catalog::section& table, const catalog::model_entry& model);

}  // namespace corral::config
