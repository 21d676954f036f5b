// Vectors of a streaming server.

#include <utility>

#include "engine/group_availability.hpp"
#include "engine/streaming/embedding_call.hpp"
#include "engine/streaming/request_fields.hpp"
#include "engine/streaming/stream_backend.hpp"

namespace corral::engine::streaming {

core::awaitable<embedding_outcome> stream_backend::embed(embedding_order order) {
    look_at_services();
    const supervisor::box_activity::mark at_work(context_.activity, *context_.clock);
    const std::uint64_t mark = runtime_.starts;
    run_control control(context_.on);
    const std::function<void(const run_outcome&)> no_listener;
    auto refused = co_await refused_run(*group_, places_.runtime, control, *context_.clock, no_listener);
    if (refused) {
        co_return *refused->failure;
    }
    embedding_outcome made = co_await ask_for_vectors(std::move(order));
    if (decay_) {
        decay_->embedded();
    }
    if (made || !made.error().retryable) {
        co_return made;
    }
    // The report of a death comes a moment after the broken line.
    const core::deadline notice = core::deadline::after(core::seconds{2}, context_.clock->now());
    core::wake_reason woken = core::wake_reason::rung;
    look_at_services();
    while (is(made.error(), "call-failed") && woken == core::wake_reason::rung && !lost_since(mark)) {
        woken = co_await changed_.wait(notice);
        look_at_services();
    }
    if (auto lost = lost_since(mark)) {
        co_return std::move(lost->why);
    }
    if (is(made.error(), "call-silent")) {
        group_->restart(places_.runtime, made.error().message, supervisor::restart_reason::hang);
    }
    co_return made;
}

core::awaitable<embedding_outcome> stream_backend::ask_for_vectors(embedding_order order) {
    embedding_server server;
    server.how = model_.runtime.traits.embedding;
    auto traits = expanded_traits(model_);
    if (traits) {
        server.model = std::move(traits->model_name);
    }
    server.at = places_.runtime_at;
    server.kept = kept_;
    server.gone = [this] { return runtime_is_gone(); };
    server.error_of = [this](unsigned status, std::string_view body) {
        return protocol_->error_of(status, body);
    };
    server.patience = [this](std::uint32_t tokens) { return clocks_.prefill.limit(tokens); };
    server.stall = clocks_.decode.start();
    server.context = model_.context.positions;
    server.clock = context_.clock;
    embedding_outcome made = co_await embed_texts(std::move(server), std::move(order));
    co_return made;
}

}  // namespace corral::engine::streaming
