#include "api/ollama/generation_start.hpp"

#include <utility>

#include "api/models/model_parameters.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/feature_check.hpp"
#include "api/request_start.hpp"
#include "corral/generation/wait_ready.hpp"

namespace corral::api::ollama {

namespace {

core::awaitable<void> answer_load(const api_context& context, const generation::served_model& model,
                                  std::optional<core::nanoseconds> keep_alive, reply_encoder encoder,
                                  http::response_writer& out) {
    context.admission->load(model.lane, keep_alive);
    std::string lane = model.lane;
    const std::optional<chat::failed_event> failed =
        co_await generation::wait_ready(std::move(lane), *context.admission, context.load_deadline);
    if (!failed) {
        std::string body = encoder.without_run("load", std::chrono::system_clock::now());
        co_await send_json(std::move(body), out);
    } else if (failed->kind != chat::failure_kind::cancelled) {
        http::response refused = error_response(*failed, encoder.model(), json_type);
        co_await out.send(std::move(refused));
    }
}

core::awaitable<void> answer_unload(const api_context& context, const generation::served_model& model,
                                    reply_encoder encoder, http::response_writer& out) {
    if (!context.admission->unload(model.lane)) {
        // Ollama knows no pins; a 200 would make its clients believe that the memory is free.
        constexpr unsigned forbidden = 403;
        http::response refused =
            error_response(forbidden, "model '" + model.name +
                                          "' is pinned by this server's configuration and stays loaded; its "
                                          "operator can stop it");
        co_await out.send(std::move(refused));
        co_return;
    }
    std::string body = encoder.without_run("unload", std::chrono::system_clock::now());
    co_await send_json(std::move(body), out);
}

}  // namespace

generation_start start(const api_context& context, const http::request& incoming, const common_fields& asked,
                       bool empty, const lookup_words& words, decode_problem& problem) {
    generation_start out;
    if (empty) {
        out.wanted = unloads(asked) ? wish::unload : wish::load;
    }
    if (!problem.found()) {
        out.model = find_model(*context.models, asked.model, words, problem);
    }
    if (out.is_checked()) {
        chat::generation_request& request = out.request;
        request = begin_request(context, incoming, *out.model, asked.model);
        request.keep_alive = asked.keep_alive;
        request.format = asked.format;
        request.limits.truncate = asked.truncate;
        request.thinking = thinking_for(*out.model, asked.think.value);
        request.effort = asked.think.level;
    }
    return out;
}

void fill_parameters(const nlohmann::ordered_json& options, chat::generation_request& request,
                     decode_problem& problem) {
    if (!options.is_null()) {
        read_parameters(options, request.sampling, request.limits, problem);
        request.unused_options = unused_parameters(options);
    }
}

core::awaitable<void> answer(const api_context& context, const http::request& incoming,
                             const decode_problem& problem, generation_start begun, bool stream,
                             reply_encoder encoder, http::response_writer& out) {
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    if (begun.wanted == wish::unload) {
        co_await answer_unload(context, *begun.model, std::move(encoder), out);
        co_return;
    }
    if (begun.wanted == wish::load) {
        co_await answer_load(context, *begun.model, begun.request.keep_alive, std::move(encoder), out);
        co_return;
    }
    generation::generation_handle handle =
        start_generation(context, incoming, std::move(begun.request), std::move(begun.model));
    if (stream) {
        co_await answer_stream(context, std::move(handle), std::move(encoder), out);
    } else {
        co_await answer_whole(std::move(handle), std::move(encoder), out);
    }
}

}  // namespace corral::api::ollama
