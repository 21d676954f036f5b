#pragma once
// Whose listening socket a TCP port is, by /proc, for one sentence of an error.

#include <cstdint>
#include <string>

namespace corral::http {

// "ollama (pid 812)", or "" when /proc does not tell (another user's process).
[[nodiscard]] std::string port_holder(std::uint16_t port);

}  // namespace corral::http
