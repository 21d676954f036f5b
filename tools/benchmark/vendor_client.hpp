#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "answer.hpp"

namespace corral::benchmark {

struct polling_style {
    std::chrono::milliseconds pause;  // between two polls; 0: as fast as the server answers
    bool at_the_end;                  // true: the text is handed over when the run is done, whole
};

// The limit of what polling can do: nothing between the client and the runtime, no pause.
inline constexpr polling_style tight_poller{std::chrono::milliseconds{0}, false};
// What bridges for this runtime do today (docs/facts/vendor_ax.md#naive-bridges): a poll every 50 ms, the
// answer in one piece.
inline constexpr polling_style naive_proxy{std::chrono::milliseconds{50}, true};

// Reset, generate, poll to the end on the vendor's protocol (docs/facts/vendor_ax.md#routes), a new
// connection for each call. Throws std::exception when the answer is anything but a whole one.
answer ask_vendor(std::uint16_t port, const std::string& prompt, polling_style style);

}  // namespace corral::benchmark
