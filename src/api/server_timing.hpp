#pragma once
// Where a request's time went, as the header of that name says it (W3C Server Timing), for clients that ask
// with "X-Corral-Timing: 1". The same for every wire format.

#include <string>
#include <string_view>

#include "corral/generation/generation_service.hpp"
#include "corral/http/message.hpp"

namespace corral::api {

inline constexpr std::string_view timing_wish = "X-Corral-Timing";

[[nodiscard]] bool wants_timing(const http::request& incoming);

// "queue;dur=0.1, reset;dur=12.0, prefill;dur=…" in milliseconds; stages that are not known yet are left out.
// With the end known queue, reset, prefill, decode and other add up to total. Parts of these come after it,
// marked by the stage they are in: tokenise, detokenise, delivery; at last `cached`, without a time, how many tokens
// of the prompt prefill found computed.
[[nodiscard]] std::string server_timing(const chat::generation_timings& took);

// Adds it, and lets scripts of other origins read it; nothing for a client that did not ask.
void add_timing(http::header_fields& fields, const generation::answer_reader& answer);

}  // namespace corral::api
