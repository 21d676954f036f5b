#pragma once
// What /api/generate and /api/chat do alike once their request is decoded: load, unload, or generate and
// answer.

#include "api/ollama/reply_encoder.hpp"
#include "api/ollama/request_body.hpp"
#include "corral/api/wire_format.hpp"

namespace corral::api::ollama {

// A request with an empty prompt: a load waits until the model can answer, an unload does not wait.
[[nodiscard]] core::awaitable<void> answer_load(const api_context& context,
                                                const generation::served_model& model,
                                                std::optional<core::nanoseconds> keep_alive,
                                                reply_encoder encoder, http::response_writer& out);
[[nodiscard]] core::awaitable<void> answer_unload(const api_context& context,
                                                  const generation::served_model& model,
                                                  reply_encoder encoder, http::response_writer& out);

// The fields that every request has, whatever its route.
[[nodiscard]] chat::generation_request new_request(const api_context& context, const http::request& incoming,
                                                   const generation::served_model& model,
                                                   const common_fields& asked);

// Fills in the `options` of a request, null or an object.
void fill_parameters(const nlohmann::ordered_json& options, chat::generation_request& request,
                     decode_problem& problem);

[[nodiscard]] core::awaitable<void> answer_generation(const api_context& context,
                                                      const http::request& incoming,
                                                      chat::generation_request request, reply_encoder encoder,
                                                      bool stream, http::response_writer& out);

}  // namespace corral::api::ollama
