#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace corral::benchmark {

struct stream_load {
    std::uint16_t port = 0;
    std::string model = "model";
    long streams = 1;
    long pieces = 200;
    long rate = 50;
    long rounds = 1;  // of each stream, one after another on one connection
};

struct stream_figures {
    std::vector<std::int64_t>
        delays_ns;  // from a piece's birth to the moment the client had it, without the first
    std::vector<std::int64_t> first_byte_ns;  // from the request to the first piece
};

// Plays all clients in one loop. Throws std::runtime_error for an answer that is not whole.
stream_figures follow_streams(const stream_load& what);

}  // namespace corral::benchmark
