#include "api/anthropic/messages_route.hpp"
#include "api/json/decoding.hpp"

#include <memory>
#include <utility>

#include "api/add_header.hpp"
#include "api/answer_stream.hpp"
#include "api/anthropic/error_reply.hpp"
#include "api/anthropic/message_encoder.hpp"
#include "api/anthropic/messages_request.hpp"
#include "api/ids.hpp"
#include "api/models/model_lookup.hpp"
#include "api/request_start.hpp"

namespace corral::api::anthropic {

namespace {

class event_stream final : public stream_format {
public:
    event_stream(message_identity who, std::size_t guessed_input_tokens, core::random_source& random)
        : encoder_(std::move(who)), guessed_(guessed_input_tokens), random_(&random) {}

    http::response_head head() override {
        http::response_head out;
        out.content_type = "text/event-stream";
        add_header(out.headers, "Cache-Control", "no-cache");
        add_header(out.headers, "Connection", "keep-alive");
        return out;
    }
    std::string opening() override { return encoder_.start(guessed_); }
    std::string encode(chat::generation_event& event) override { return encoder_.encode(event); }
    std::string keep_alive() override { return event_encoder::ping(); }
    http::response refusal(const chat::failed_event& why) override {
        return error_response(why, encoder_.identity().model, *random_);
    }

private:
    event_encoder encoder_;
    std::size_t guessed_;
    core::random_source* random_;
};

core::awaitable<void> answer_whole(generation::generation_handle handle, message_identity who,
                                   core::random_source& random, http::response_writer& out) {
    whole_answer said = co_await collect_answer(*handle);
    http::response whole;
    if (const auto* why = std::get_if<chat::failed_event>(&said.end)) {
        if (why->kind == chat::failure_kind::cancelled) {
            co_return;
        }
        whole = error_response(*why, who.model, random);
    } else {
        whole.content_type = reply_type;
        whole.body = encode_message(who, said, std::get<chat::finished_event>(said.end));
    }
    add_notes(whole.headers, *handle);
    co_await out.send(std::move(whole));
}

core::awaitable<void> serve_messages(api_context context, const http::request& incoming,
                                     http::response_writer& out) {
    decode_problem problem;
    auto reading = decoded(context.decoding, incoming, problem,
                           [&] { return read_messages_request(incoming, problem); });
    messages_request asked = co_await std::move(reading);
    if (problem.found()) {
        http::response refused = problem.status == 503
                                     ? error_response(problem.status, problem.message, *context.random)
                                     : invalid_request(problem.message, *context.random);
        co_await out.send(std::move(refused));
        co_return;
    }
    const lookup_words words;
    const generation::served model = find_model(*context.models, asked.model, words, problem);
    if (model != nullptr) {
        check(*model, asked, problem);
    }
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message, *context.random);
        co_await out.send(std::move(refused));
        co_return;
    }
    chat::generation_request request = begin_request(context, incoming, *model, asked.model);
    message_identity who{hex_id("msg_", 24, *context.random), asked.model};
    const std::size_t guessed = guessed_input_tokens(asked);
    const bool stream = asked.stream;
    fill(asked, *model, request);
    generation::generation_handle handle = start_generation(context, incoming, std::move(request), model);
    if (stream) {
        std::unique_ptr<stream_format> events =
            std::make_unique<event_stream>(std::move(who), guessed, *context.random);
        co_await stream_answer(context, std::move(handle), std::move(events), out);
    } else {
        co_await answer_whole(std::move(handle), std::move(who), *context.random, out);
    }
}

}  // namespace

void add_messages_route(http::router& routes, const api_context& context) {
    routes.add("POST", "/v1/messages", [context](const http::request& incoming, http::response_writer& out) {
        return serve_messages(context, incoming, out);
    });
}

}  // namespace corral::api::anthropic
