// /v1/chat/completions, /v1/completions, /v1/responses and /v1/responses/compact: decode, check, run, answer.

#include <utility>

#include "api/json/decoding.hpp"
#include "api/openai/chat_answer.hpp"
#include "api/openai/completion_answer.hpp"
#include "api/openai/error_reply.hpp"
#include "api/openai/generation_fields.hpp"
#include "api/openai/responses_answer.hpp"
#include "api/openai/responses_request.hpp"
#include "api/openai/routes.hpp"
#include "api/request_start.hpp"

namespace corral::api::openai {

namespace {

core::awaitable<void> answer(const api_context& context, const http::request& incoming,
                             const decode_problem& problem, generation_fields asked,
                             std::unique_ptr<answer_format> format, http::response_writer& out) {
    const lookup_words words;
    http::response refused;
    const generation::served model = admit(context, asked, problem, words, "chat", refused);
    if (model == nullptr) {
        co_await out.send(std::move(refused));
        co_return;
    }
    const bool stream = asked.stream;
    chat::generation_request request = make_request(context, incoming, *model, std::move(asked));
    co_await run_and_answer(context, incoming, std::move(request), model, std::move(format), stream, out);
}

core::awaitable<void> serve_chat(api_context context, const http::request& incoming,
                                 http::response_writer& out) {
    decode_problem problem;
    auto reading =
        decoded(context.decoding, incoming, problem, [&] { return read_chat_request(incoming, problem); });
    generation_fields asked = co_await std::move(reading);
    std::unique_ptr<answer_format> format =
        std::make_unique<chat_answer>(asked.model, asked.include_usage, *context.random);
    co_await answer(context, incoming, problem, std::move(asked), std::move(format), out);
}

core::awaitable<void> serve_responses(api_context context, const http::request& incoming,
                                      http::response_writer& out) {
    decode_problem problem;
    const bool compacts = incoming.path.ends_with("/compact");
    auto reading = decoded(context.decoding, incoming, problem,
                           [&] { return read_responses_request(incoming, problem, compacts); });
    responses_fields asked = co_await std::move(reading);
    std::unique_ptr<answer_format> format =
        std::make_unique<responses_answer>(asked.common.model, std::move(asked.echo), *context.random);
    co_await answer(context, incoming, problem, std::move(asked.common), std::move(format), out);
}

// An empty prompt loads the model and answers once it is ready.
core::awaitable<void> load(const api_context& context, generation::served model, core::deadline until,
                           std::unique_ptr<completion_answer> format, bool stream,
                           http::response_writer& out) {
    const std::optional<chat::failed_event> failed =
        co_await load_model(context, std::move(model), std::nullopt, until);
    http::response whole;
    if (!failed) {
        whole.content_type = stream ? "text/event-stream" : reply_type;
        whole.body = stream ? format->loaded_as_stream() : format->loaded();
    } else if (failed->kind == chat::failure_kind::cancelled) {
        co_return;
    } else {
        whole = format->refusal(*failed, stream);
    }
    co_await out.send(std::move(whole));
}

core::awaitable<void> serve_completion(api_context context, const http::request& incoming,
                                       http::response_writer& out) {
    decode_problem problem;
    auto reading = decoded(context.decoding, incoming, problem,
                           [&] { return read_completion_request(incoming, problem); });
    generation_fields asked = co_await std::move(reading);
    lookup_words words;
    words.missing = "request.no-model/nameless";
    words.missing_status = 404;
    http::response refused;
    const generation::served model = admit(context, asked, problem, words, "generate", refused);
    if (model == nullptr) {
        co_await out.send(std::move(refused));
        co_return;
    }
    auto format = std::make_unique<completion_answer>(asked.model, asked.include_usage, *context.random);
    const bool stream = asked.stream;
    const bool empty = asked.messages.empty() && !asked.hole;
    if (empty) {
        const core::deadline until = urgency_of(context, incoming).until;
        co_await load(context, model, until, std::move(format), stream, out);
        co_return;
    }
    std::unique_ptr<answer_format> writing = std::move(format);
    chat::generation_request request = make_request(context, incoming, *model, std::move(asked));
    request.shows_thinking = false;
    co_await run_and_answer(context, incoming, std::move(request), model, std::move(writing), stream, out);
}

}  // namespace

void add_generation_routes(http::router& routes, const api_context& context) {
    routes.add("POST", "/v1/chat/completions", route_of(context, serve_chat));
    routes.add("POST", "/v1/completions", route_of(context, serve_completion));
    routes.add("POST", "/v1/responses", route_of(context, serve_responses));
    routes.add("POST", "/v1/responses/compact", route_of(context, serve_responses));
}

}  // namespace corral::api::openai
