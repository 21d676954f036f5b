#include "api/ollama/generation_start.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/ollama/feature_check.hpp"
#include "api/wait_ready.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api::ollama {

namespace {

constexpr core::milliseconds load_deadline{30 * 60 * 1000};

std::string new_id(core::random_source& random) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(random.next()));
    return text.data();
}

}  // namespace

core::awaitable<void> answer_load(const api_context& context, const served_model& model,
                                  reply_encoder encoder, http::response_writer& out) {
    const std::optional<chat::failed_event> failed =
        co_await wait_ready(*model.runtime, *context.admission, load_deadline);
    if (!failed) {
        std::string body = encoder.without_run("load", std::chrono::system_clock::now());
        co_await send_json(std::move(body), out);
    } else if (failed->kind != chat::failure_kind::cancelled) {
        http::response refused = error_response(*failed, encoder.model(), json_type);
        co_await out.send(std::move(refused));
    }
}

core::awaitable<void> answer_unload(const served_model* model, reply_encoder encoder,
                                    http::response_writer& out) {
    telemetry::log().info("model={} a client asked to unload it; it stays loaded", model->entry->name);
    std::string body = encoder.without_run("unload", std::chrono::system_clock::now());
    co_await send_json(std::move(body), out);
}

chat::generation_request new_request(const api_context& context, const http::request& incoming,
                                     const served_model& model, const common_fields& asked) {
    chat::generation_request out;
    out.id = new_id(*context.random);
    out.client = incoming.peer.address().to_string();
    out.model_typed = asked.model;
    out.model = model.entry->name;
    out.limits.truncate = asked.truncate;
    out.thinking = thinking_for(*model.entry, asked.think);
    out.arrived = incoming.arrived;
    return out;
}

core::awaitable<void> answer_generation(const api_context& context, chat::generation_request request,
                                        reply_encoder encoder, bool stream, http::response_writer& out) {
    generation_handle handle = context.generations->start(std::move(request));
    if (stream) {
        co_await answer_stream(std::move(handle), std::move(encoder), out);
    } else {
        co_await answer_whole(std::move(handle), std::move(encoder), out);
    }
}

}  // namespace corral::api::ollama
