#include "api/ollama/generation_start.hpp"

#include <utility>

#include "api/models/model_parameters.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/feature_check.hpp"
#include "api/request_start.hpp"
#include "corral/generation/wait_ready.hpp"

namespace corral::api::ollama {

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

chat::generation_request new_request(const api_context& context, const http::request& incoming,
                                     const generation::served_model& model, const common_fields& asked) {
    chat::generation_request out = begin_request(context, incoming, model, asked.model);
    out.keep_alive = asked.keep_alive;
    out.format = asked.format;
    out.limits.truncate = asked.truncate;
    out.thinking = thinking_for(model, asked.think.value);
    out.effort = asked.think.level;
    return out;
}

void fill_parameters(const nlohmann::ordered_json& options, chat::generation_request& request,
                     decode_problem& problem) {
    if (!options.is_null()) {
        read_parameters(options, request.sampling, request.limits, problem);
        request.unused_options = unused_parameters(options);
    }
}

core::awaitable<void> answer_generation(const api_context& context, const http::request& incoming,
                                        chat::generation_request request, reply_encoder encoder, bool stream,
                                        http::response_writer& out) {
    generation::generation_handle handle = start_generation(context, incoming, std::move(request));
    if (stream) {
        co_await answer_stream(context, std::move(handle), std::move(encoder), out);
    } else {
        co_await answer_whole(std::move(handle), std::move(encoder), out);
    }
}

}  // namespace corral::api::ollama
