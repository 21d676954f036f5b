#pragma once
#include <cstdint>
#include <string>

#include "answer.hpp"

namespace corral::benchmark {

// One streamed POST /api/chat (docs/facts/ollama_wire.md#chat), read line by line. Throws std::exception when
// the answer is anything but a whole one.
answer ask_ollama(std::uint16_t port, const std::string& model, const std::string& prompt);

}  // namespace corral::benchmark
