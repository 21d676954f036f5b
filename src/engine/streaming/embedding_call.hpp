#pragma once
// Asks a server for vectors, one whole answer for each call; a text that it finds too long is cut and asked for again.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "corral/catalog/traits.hpp"
#include "corral/engine/backend.hpp"
#include "corral/http/kept_connections.hpp"
#include "engine/streaming/stream_protocol.hpp"

namespace corral::engine::streaming {

struct embedding_server {
    catalog::embedding_trait how;
    std::string model;  // as it is called there; empty: not sent
    boost::asio::ip::tcp::endpoint at;
    std::shared_ptr<http::kept_connections> kept;  // null: each call has a connection of its own
    std::function<bool()> gone{};                  // the server's process, as http::stream_call has it
    std::string host;                              // for the Host header; empty: the endpoint
    http::header_fields headers;
    std::function<error_part(unsigned status, std::string_view body)> error_of;
    std::function<core::nanoseconds(std::uint32_t tokens)> patience;  // with an answer to so many
    core::nanoseconds stall{0};                                       // between two pieces of it
    std::uint32_t context = 0;                                        // tokens of a text; 0: not known
    const core::clock_source* clock = nullptr;
};

// Causes beside those of engine::embedding_outcome: "call-failed" (no whole answer came), "call-silent" (nothing for as long
// as the clock allows; the server may hang), "deadline" (the order's own passed), "busy". REQUIRES: at least one text.
[[nodiscard]] core::awaitable<embedding_outcome> embed_texts(embedding_server server, embedding_order order);

// The share of a text that fits, as the numbers of a refusal say ("input (900 tokens) ... (current batch size: 512)"), a
// little less than they say; without them three quarters.
[[nodiscard]] double fitting_share(std::string_view refusal);
// The beginning of `text`, of whole characters and surely shorter; empty: nothing is left.
[[nodiscard]] std::string shortened(std::string_view text, double share);

}  // namespace corral::engine::streaming
