#include <utility>

#include "api/json/decoding.hpp"
#include "api/openai/completion_answer.hpp"
#include "api/openai/completion_request.hpp"
#include "api/openai/error_reply.hpp"
#include "api/openai/routes.hpp"
#include "corral/generation/wait_ready.hpp"

namespace corral::api::openai {

namespace {

// An empty prompt loads the model and answers once it is ready.
core::awaitable<void> load(const api_context& context, const generation::served_model& model,
                           std::unique_ptr<completion_answer> format, bool stream,
                           http::response_writer& out) {
    context.admission->load(model.lane, std::nullopt);
    std::string lane = model.lane;
    const std::optional<chat::failed_event> failed =
        co_await generation::wait_ready(std::move(lane), *context.admission, context.load_deadline);
    http::response whole;
    if (!failed) {
        whole.content_type = stream ? "text/event-stream" : reply_type;
        whole.body = stream ? format->loaded_as_stream() : format->loaded();
    } else if (failed->kind == chat::failure_kind::cancelled) {
        co_return;
    } else {
        whole = format->refusal(*failed);
    }
    co_await out.send(std::move(whole));
}

core::awaitable<void> serve(api_context context, const http::request& incoming, http::response_writer& out) {
    decode_problem problem;
    auto reading = decoded(context.decoding, incoming, problem,
                           [&] { return read_completion_request(incoming, problem); });
    generation_fields asked = co_await std::move(reading);
    lookup_words words;
    words.missing = "model '' not found";
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
        co_await load(context, *model, std::move(format), stream, out);
        co_return;
    }
    std::unique_ptr<answer_format> writing = std::move(format);
    chat::generation_request request = make_request(context, incoming, *model, std::move(asked));
    co_await answer(context, incoming, std::move(request), model, std::move(writing), stream, out);
}

}  // namespace

void add_completion_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/v1/completions",
               [context](const http::request& incoming, http::response_writer& out) {
                   return serve(context, incoming, out);
               });
}

}  // namespace corral::api::openai
