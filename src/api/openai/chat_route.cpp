#include "api/json/decoding.hpp"
#include "api/openai/chat_answer.hpp"
#include "api/openai/chat_request.hpp"
#include "api/openai/routes.hpp"

namespace corral::api::openai {

namespace {

core::awaitable<void> serve(api_context context, const http::request& incoming, http::response_writer& out) {
    decode_problem problem;
    auto reading =
        decoded(context.decoding, incoming, problem, [&] { return read_chat_request(incoming, problem); });
    generation_fields asked = co_await std::move(reading);
    const lookup_words words;
    http::response refused;
    const generation::served model = admit(context, asked, problem, words, "chat", refused);
    if (model == nullptr) {
        co_await out.send(std::move(refused));
        co_return;
    }
    std::unique_ptr<answer_format> format =
        std::make_unique<chat_answer>(asked.model, asked.include_usage, *context.random);
    const bool stream = asked.stream;
    chat::generation_request request = make_request(context, incoming, *model, std::move(asked));
    co_await answer(context, incoming, std::move(request), model, std::move(format), stream, out);
}

}  // namespace

void add_chat_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/v1/chat/completions",
               [context](const http::request& incoming, http::response_writer& out) {
                   return serve(context, incoming, out);
               });
}

}  // namespace corral::api::openai
