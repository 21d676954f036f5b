#include "api/anthropic/messages_route.hpp"

#include <memory>
#include <utility>

#include "api/add_header.hpp"
#include "api/answer_stream.hpp"
#include "api/anthropic/error_reply.hpp"
#include "api/anthropic/message_encoder.hpp"
#include "api/anthropic/messages_request.hpp"
#include "api/json/decoding.hpp"
#include "api/models/model_lookup.hpp"
#include "api/request_start.hpp"

namespace corral::api::anthropic {

namespace {

class event_stream final : public answer_format {
public:
    event_stream(message_identity identity, std::size_t guessed_input_tokens, core::random_source& random)
        : encoder_(std::move(identity)), guessed_(guessed_input_tokens), random_(&random) {}

    http::response_head head() override {
        http::response_head out;
        out.content_type = "text/event-stream";
        add_header(out.headers, "Cache-Control", "no-cache");
        add_header(out.headers, "Connection", "keep-alive");
        return out;
    }
    void shortened_to(std::uint32_t prompt_tokens) override { guessed_ = prompt_tokens; }
    std::string opening() override { return encoder_.start(guessed_); }
    std::string encode(chat::generation_event& event) override { return encoder_.encode(event); }
    std::string keep_alive() override { return event_encoder::ping(); }
    void stopped_by(std::string_view text) override { encoder_.stopped_by(text); }
    std::string whole(const whole_answer& answer, const chat::finished_event& end) override {
        return encode_message(encoder_.identity(), answer, end);
    }
    const char* whole_type() const override { return reply_type; }
    http::response refusal(const chat::failed_event& why, bool /*streamed*/) override {
        return error_response(why, encoder_.identity().model, *random_);
    }

private:
    event_encoder encoder_;
    std::size_t guessed_;
    core::random_source* random_;
};

struct judged_request {
    messages_request asked;
    generation::served model;  // nullptr: it was refused
};

core::awaitable<judged_request> read_and_judge(const api_context& context, const http::request& incoming,
                                               bool counts, http::response_writer& out) {
    decode_problem problem;
    auto reading = decoded(context.decoding, incoming, problem,
                           [&] { return read_messages_request(incoming, problem, counts); });
    messages_request asked = co_await std::move(reading);
    judged_request got{std::move(asked), nullptr};
    http::response refused;
    if (problem.found()) {
        refused = problem.status == 503 ? error_response(problem.status, problem.message, *context.random)
                                        : invalid_request(problem.message, *context.random);
        co_await out.send(std::move(refused));
        co_return got;
    }
    const lookup_words words;
    got.model = find_model(*context.models, got.asked.model, words, problem);
    if (got.model != nullptr) {
        check(*got.model, got.asked, problem);
    }
    if (problem.found()) {
        got.model = nullptr;
        refused = error_response(problem.status, problem.message, *context.random);
        co_await out.send(std::move(refused));
    }
    co_return got;
}

core::awaitable<void> serve_count(api_context context, const http::request& incoming,
                                  http::response_writer& out) {
    judged_request got = co_await read_and_judge(context, incoming, true, out);
    if (got.model == nullptr) {
        co_return;
    }
    chat::generation_request request = begin_request(context, incoming, *got.model, got.asked.model);
    fill(got.asked, *got.model, request);
    remove_notes(request.messages);
    const auto counted = co_await context.generations->count(std::move(request), got.model);
    http::response whole;
    if (counted) {
        json_writer json;
        json.begin_object().count("input_tokens", *counted).end_object();
        whole.content_type = reply_type;
        whole.body = json.take() + "\n";
    } else {
        whole = error_response(counted.error(), got.asked.model, *context.random);
    }
    co_await out.send(std::move(whole));
}

core::awaitable<void> serve_messages(api_context context, const http::request& incoming,
                                     http::response_writer& out) {
    judged_request got = co_await read_and_judge(context, incoming, false, out);
    if (got.model == nullptr) {
        co_return;
    }
    messages_request& asked = got.asked;
    const generation::served& model = got.model;
    chat::generation_request request = begin_request(context, incoming, *model, asked.model);
    message_identity who{hex_id("msg_", 24, *context.random), asked.model};
    std::unique_ptr<answer_format> format =
        std::make_unique<event_stream>(std::move(who), guessed_input_tokens(asked), *context.random);
    const bool stream = asked.stream;
    fill(asked, *model, request);
    co_await run_and_answer(context, incoming, std::move(request), model, std::move(format), stream, out);
}

}  // namespace

void add_messages_routes(http::router& routes, const api_context& context) {
    routes.add("POST", "/v1/messages", route_of(context, serve_messages));
    routes.add("POST", "/v1/messages/count_tokens", route_of(context, serve_count));
}

}  // namespace corral::api::anthropic
