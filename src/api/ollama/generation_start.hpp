#pragma once
// What /api/generate and /api/chat do alike around what each of them reads: find the model, then load, unload,
// or generate and answer.

#include <string>

#include "api/json/json_fields.hpp"
#include "api/models/model_lookup.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/request_body.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::api::ollama {

// A prompt template of the client's that is broken is the problem, with the parser's words and `status`. An empty
// one is all right. Tried on `elsewhere`, in the turn of `client`; all else outlives the coroutine.
[[nodiscard]] core::awaitable<void> check_template(core::worker* elsewhere, std::string client,
                                                   const generation::served_model& model,
                                                   const std::string& text, unsigned status,
                                                   decode_problem& problem);

// What a well-formed request may still ask that this model or this server can't give is refused by name, never
// ignored where the answer would differ: what Ollama looks at before it loads a model: thinking, and whether the model does `activity`, "chat" or
// "generate", at all.
void check_abilities(const generation::served_model& model, const common_fields& fields, const char* activity,
                     decode_problem& problem);

// What an answer is to hold: format, logprobs, the rendered prompt.
void check_answer_wishes(const generation::served_model& model, const common_fields& fields,
                         decode_problem& problem);

// Absent means on for a model that thinks (docs/facts/ollama_wire.md#think).
[[nodiscard]] chat::thinking_mode thinking_for(const generation::served_model& model, think_value asked);

// A request with nothing to generate from only loads or unloads (docs/facts/ollama_wire.md#load-and-unload).
enum class wish { generate, load, unload };

struct generation_start {
    wish wanted = wish::generate;
    generation::served model;          // nullptr: there is a problem
    chat::generation_request request;  // empty for an unload
    // An unload is refused for nothing else.
    [[nodiscard]] bool is_checked() const noexcept { return model != nullptr && wanted != wish::unload; }
};

// With the model of `fields`, and the fields that every request has. `empty`: nothing to generate from.
[[nodiscard]] generation_start start(const api_context& context, const http::request& incoming,
                                     const common_fields& fields, bool empty, const lookup_words& words,
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
