#pragma once
// The one way of a generating request through this format: decode, find the model, check, then load, unload
// or generate. What differs between /api/generate and /api/chat is given as a description.

#include <utility>

#include "api/models/model_lookup.hpp"
#include "api/models/model_parameters.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/generation_start.hpp"

namespace corral::api::ollama {

// `Fields` is what one route decodes; it has `common_fields common`.
template <typename Fields>
struct generation_route {
    reply_kind kind;
    lookup_words words;
    Fields (*read)(const http::request& incoming, decode_problem& problem);
    // Nothing to generate from: the request only loads or unloads.
    bool (*is_empty)(const Fields& asked);
    // What also a load is refused for, and then what only a generation is
    // (docs/facts/ollama_wire.md#generate-request, the order).
    void (*check)(const generation::served_model& model, const Fields& asked, decode_problem& problem);
    void (*check_content)(const generation::served_model& model, const Fields& asked,
                          decode_problem& problem);
    void (*fill)(Fields& asked, chat::generation_request& request, reply_encoder& encoder);
};

// REQUIRES: `incoming` and `out` outlive the coroutine, as http::server promises.
template <typename Fields>
core::awaitable<void> serve_generation(api_context context, const http::request& incoming,
                                       http::response_writer& out, generation_route<Fields> route) {
    decode_problem problem;
    Fields asked = route.read(incoming, problem);
    const bool empty = route.is_empty(asked);
    const bool unload = empty && unloads(asked.common);
    chat::generation_request request;
    generation::served model;
    if (!problem.found()) {
        model = find_model(*context.models, asked.common.model, route.words, problem);
    }
    if (model != nullptr && !unload) {
        request = new_request(context, incoming, *model, asked.common);
        route.check(*model, asked, problem);
        fill_parameters(asked.common.options, request, problem);
        if (!empty) {
            route.check_content(*model, asked, problem);
        }
    }
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    reply_encoder encoder(route.kind, asked.common.model);
    if (unload) {
        co_await answer_unload(context, *model, std::move(encoder), out);
    } else if (empty) {
        co_await answer_load(context, *model, asked.common.keep_alive, std::move(encoder), out);
    } else {
        route.fill(asked, request, encoder);
        co_await answer_generation(context, incoming, std::move(request), std::move(encoder),
                                   asked.common.stream, out);
    }
}

}  // namespace corral::api::ollama
