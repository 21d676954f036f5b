#pragma once
// Addresses and durations as people, and Ollama's variables, write them.

#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::config {

// "127.0.0.1:11434", "[::1]:8080", "localhost:0", "0.0.0.0:11434". No name is looked up.
[[nodiscard]] core::result<boost::asio::ip::tcp::endpoint> parse_listen(std::string_view text);

// OLLAMA_HOST: [scheme://]host[:port][/path]; without a port 11434, or 80 and 443 after a scheme; a bad port
// means 11434; no host means every interface (docs/facts/ollama_wire.md#environment).
[[nodiscard]] core::result<boost::asio::ip::tcp::endpoint> parse_ollama_host(std::string_view text);

// "forever", "5m", "1h30m", "300" (seconds), anything negative (for ever); nothing for another text. For ever
// is a negative value (docs/facts/ollama_wire.md#environment).
[[nodiscard]] std::optional<core::nanoseconds> parse_keep_alive(std::string_view text);

}  // namespace corral::config
