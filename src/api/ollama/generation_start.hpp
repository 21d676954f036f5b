#pragma once
// What /api/generate and /api/chat do alike around what each of them reads: find the model, then load, unload,
// or generate and answer.

#include "api/models/model_lookup.hpp"
#include "api/ollama/reply_encoder.hpp"
#include "api/ollama/request_body.hpp"
#include "corral/api/wire_format.hpp"

namespace corral::api::ollama {

// A request with nothing to generate from only loads or unloads (docs/facts/ollama_wire.md#load-and-unload).
enum class wish { generate, load, unload };

struct generation_start {
    wish wanted = wish::generate;
    generation::served model;          // nullptr: there is a problem
    chat::generation_request request;  // empty for an unload
    // An unload is refused for nothing else.
    [[nodiscard]] bool is_checked() const noexcept { return model != nullptr && wanted != wish::unload; }
};

// With the model of `asked`, and the fields that every request has. `empty`: nothing to generate from.
[[nodiscard]] generation_start start(const api_context& context, const http::request& incoming,
                                     const common_fields& asked, bool empty, const lookup_words& words,
                                     decode_problem& problem);

// Fills in the `options` of a request, null or an object.
void fill_parameters(const nlohmann::ordered_json& options, chat::generation_request& request,
                     decode_problem& problem);

// Does what was asked and answers, or sends the refusal of `problem`. A load waits until the model can answer,
// an unload does not wait. REQUIRES: `incoming` and `out` outlive the coroutine, as http::server promises.
[[nodiscard]] core::awaitable<void> answer(const api_context& context, const http::request& incoming,
                                           const decode_problem& problem, generation_start begun, bool stream,
                                           reply_encoder encoder, http::response_writer& out);

}  // namespace corral::api::ollama
