#pragma once

#include <cstdint>

namespace corral::benchmark {

// A server of OpenAI's streams whose pieces say when they were born; one thread, as fast as a loop can be. The prompt says
// "pieces=N" and "rate=N" (a second). Throws std::system_error.
[[noreturn]] void serve_pieces(std::uint16_t port);

}  // namespace corral::benchmark
