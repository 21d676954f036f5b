#include "api/embedding.hpp"

#include <cmath>
#include <utility>

namespace corral::api {

namespace {

using embedding_outcome = std::variant<embedding_answer, chat::failed_event>;

// Cuts to `dimensions` and brings to length 1. False when a number is not finite or all are zero.
bool normalise(std::vector<float>& vector, std::size_t dimensions) {
    if (dimensions > 0 && dimensions < vector.size()) {
        vector.resize(dimensions);
    }
    double squares = 0;
    for (const float each : vector) {
        squares += static_cast<double>(each) * static_cast<double>(each);
    }
    if (!std::isfinite(squares) || squares <= 0) {
        return false;
    }
    const double length = std::sqrt(squares);
    for (float& each : vector) {
        each = static_cast<float>(static_cast<double>(each) / length);
    }
    return true;
}

embedding_outcome finish(engine::embedding_result made, std::size_t wanted, std::size_t dimensions) {
    embedding_answer out;
    out.prompt_tokens = made.prompt_tokens;
    out.vectors = std::move(made.vectors);
    bool usable = out.vectors.size() == wanted;
    for (std::vector<float>& each : out.vectors) {
        usable = normalise(each, dimensions) && usable;
    }
    if (!usable) {
        return chat::failed_event{chat::failure_kind::runtime_failed, "embedding-unusable",
                                  "the runtime gave vectors that are not usable"};
    }
    return out;
}

}  // namespace

core::awaitable<embedding_outcome> embed(const api_context& context, generation::served model,
                                         embedding_request what) {
    if (!model->runtime->can_embed()) {
        co_return chat::failed_event{chat::failure_kind::unsupported, "no-embeddings",
                                     "\"" + model->name + "\" does not support embeddings"};
    }
    const core::deadline until = core::deadline::after(context.load_deadline, what.arrived);
    scheduler::admission_request who;
    who.id = what.id;
    who.client = what.client;
    who.model = model->deployment;
    who.until = until;
    who.keep_alive = what.keep_alive;
    auto granted = co_await context.admission->acquire(std::move(who));
    if (!granted) {
        chat::failure no = granted.error();
        no.retryable = true;
        co_return no;
    }
    const core::steady_time ready = context.clock->now();
    const std::size_t wanted = what.texts.size();
    auto made = co_await (*granted)->embed(std::move(what.texts), until);
    if (!made) {
        const bool refused = made.error().code == core::errc::refused;
        co_return chat::failed_event{
            refused ? chat::failure_kind::unsupported : chat::failure_kind::runtime_failed,
            "embedding-failed", made.error().message};
    }
    embedding_outcome out = finish(std::move(*made), wanted, what.dimensions);
    if (auto* answer = std::get_if<embedding_answer>(&out)) {
        answer->load = ready - what.arrived;
        answer->total = context.clock->now() - what.arrived;
    }
    co_return out;
}

}  // namespace corral::api
