#include "api/embedding.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "api/models/capability_check.hpp"
#include "corral/core/say.hpp"
#include "corral/core/stated_number.hpp"
#include "corral/generation/failure_words.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api {

namespace {

constexpr std::size_t most_batch_bytes = 16 * 1024;
constexpr std::size_t most_numbers = 4 * 1024 * 1024;  // of one answer
constexpr std::size_t small_answer = 4 * 1024;         // numbers, which take the loop less than a millisecond
constexpr std::size_t bytes_of_number = 4 + 16;        // itself, and its text
constexpr unsigned most_tries = 3;

// Vectors of two of them can't be compared.
bool are_one_model(const catalog::model_entry& one, const catalog::model_entry& other) {
    return one.package == other.package && one.runtime.name == other.runtime.name &&
           one.variables == other.variables && one.tier == other.tier;
}

// As Ollama does: a vector of zeros stays one.
void scale(std::vector<float>& vector) {
    constexpr double least = 1e-12;
    double squares = 0;
    for (const float each : vector) {
        squares += static_cast<double>(each) * static_cast<double>(each);
    }
    const double length = std::max(std::sqrt(squares), least);
    for (float& each : vector) {
        each = static_cast<float>(static_cast<double>(each) / length);
    }
}

class embedding {
public:
    embedding(const api_context& context, generation::served model, embedding_request request)
        : context_(context),
          model_(std::move(model)),
          request_(std::move(request)),
          until_(request_.when.until.sooner(
              core::deadline::after(context.generations->request_deadline(), request_.arrived))),
          batch_(model_->runtime->model().runtime.traits.embedding.batch) {}

    core::awaitable<embedding_outcome> perform() {
        // Its batches are one request: the model does not go between two of them.
        const scheduler::model_hold stays = context_.admission->hold(model_->deployment);
        while (made_.vectors.size() < request_.texts.size()) {
            auto stopped = co_await next_batch();
            if (stopped) {
                note("failed", name_of(*stopped),
                     chat::tells_why(*stopped) ? stopped->message.text() : std::string());
                const auto all = context_.admission->runtimes_of(model_->deployment);
                co_return generation::for_client(std::move(*stopped),
                                                 engine::until_ready(all, context_.clock->now()));
            }
        }
        made_.total = context_.clock->now() - request_.arrived;
        note("done", "", "");
        co_return std::move(made_);
    }

private:
    using stop = std::optional<chat::failed_event>;

    core::awaitable<stop> next_batch() {
        const std::size_t next = made_.vectors.size();
        const std::size_t count = batch_size(request_.texts, next, batch_);
        const auto first = request_.texts.begin() + static_cast<std::ptrdiff_t>(next);
        engine::embedding_order order;
        order.truncate = request_.truncate;
        order.until = until_;
        for (unsigned tries = 1;; ++tries) {
            scheduler::admission_request who;
            who.id = request_.id;
            who.client = request_.client;
            who.model = model_->deployment;
            who.until = until_;
            who.batch = request_.when.priority == chat::priority_class::batch;
            who.keep_alive = request_.keep_alive;
            if (next == 0) {
                who.on_queued = [this](const scheduler::queue_place& place) { made_.place = place; };
            }
            auto granted = co_await context_.admission->acquire(std::move(who));
            if (!granted) {
                chat::failure no = granted.error();
                no.retryable = no.kind != chat::failure_kind::model_not_found;
                co_return no;
            }
            const catalog::model_entry& by = (*granted)->model();
            if (next == 0) {
                made_.load = context_.clock->now() - request_.arrived;
                by_ = by;
            } else if (!are_one_model(by_, by)) {
                co_return chat::failure{chat::failure_kind::unavailable, core::say("request.changed")};
            }
            order.texts.assign(first, first + static_cast<std::ptrdiff_t>(count));
            engine::embedding_order one = order;
            auto made = co_await (*granted)->embed(std::move(one));
            if (made) {
                co_return take(std::move(*made), count);
            }
            const chat::failure_kind kind = made.error().kind;
            const bool again = made.error().retryable && (kind == chat::failure_kind::runtime_failed ||
                                                          kind == chat::failure_kind::unavailable);
            if (!again || tries == most_tries || until_.passed(context_.clock->now())) {
                co_return made.error();
            }
        }
    }

    stop take(engine::embedding_result batch, std::size_t count) {
        const bool first = made_.vectors.empty();
        const std::size_t length = batch.vectors.empty() ? 0 : batch.vectors.front().size();
        const std::size_t wanted = first ? length : made_.vectors.front().size();
        const std::size_t kept = request_.dimensions > 0 ? std::min(request_.dimensions, length) : length;
        const bool usable =
            batch.vectors.size() == count && length > 0 && (first || kept == wanted) &&
            std::ranges::all_of(batch.vectors, [&](const auto& one) { return one.size() == length; });
        if (!usable) {
            return chat::failure{chat::failure_kind::runtime_failed, core::say("runtime.protocol/gave")};
        }
        if (first && !has_room(kept)) {
            return too_much(kept);
        }
        made_.prompt_tokens = core::sum_of(made_.prompt_tokens, batch.prompt_tokens);
        for (std::vector<float>& each : batch.vectors) {
            each.resize(kept);
            if (request_.unit_length) {
                scale(each);
            }
            made_.vectors.push_back(std::move(each));
        }
        return std::nullopt;
    }

    // For all of the answer, before its first part is kept.
    [[nodiscard]] bool has_room(std::size_t length) const {
        const std::size_t numbers = length * request_.texts.size();
        return numbers <= most_numbers &&
               (request_.memory == nullptr || request_.memory->take(numbers * bytes_of_number));
    }
    [[nodiscard]] chat::failed_event too_much(std::size_t length) const {
        if (length * request_.texts.size() <= most_numbers) {
            chat::failed_event out =
                chat::failure{chat::failure_kind::unavailable, core::say("request.vectors-memory/server")};
            out.retryable = true;
            return out;
        }
        return chat::failure{chat::failure_kind::bad_request,
                             core::say("request.vectors-memory/request", most_numbers / length, length)};
    }
    void note(std::string_view outcome, std::string_view cause, const std::string& why) const {
        const double took =
            std::chrono::duration<double, std::milli>(context_.clock->now() - request_.arrived).count();
        telemetry::log().info(
            "request id={} model={} client={} event=embedding.{} texts={} of={} tokens={} "
            "total_ms={:.1f}{}{}{}",
            request_.id, model_->name,
            telemetry::printable(request_.address.empty() ? request_.client : request_.address), outcome,
            made_.vectors.size(), request_.texts.size(), made_.prompt_tokens, took,
            cause.empty() ? "" : " cause=", cause,
            why.empty() ? std::string() : " why=\"" + telemetry::printable(why, 500) + '"');
    }

    const api_context& context_;
    generation::served model_;
    embedding_request request_;
    core::deadline until_;
    std::size_t batch_;
    catalog::model_entry by_;  // of the first batch
    embedding_answer made_;
};

}  // namespace

core::awaitable<embedding_outcome> embed(const api_context& context, generation::served model,
                                         embedding_request request) {
    if (!has_capability(*model, "embedding") || !model->runtime->facts().can_embed) {
        co_return engine::no_embeddings();
    }
    embedding all(context, std::move(model), std::move(request));
    embedding_outcome made = co_await all.perform();
    co_return made;
}

bool has_no_embeddings(const chat::failed_event& why) {
    return is(why, "no-embeddings");
}

core::awaitable<std::string> encoded(core::worker* elsewhere, const embedding_answer& made,
                                     std::function<std::string()> encode) {
    const std::size_t numbers = made.vectors.empty() ? 0 : made.vectors.size() * made.vectors.front().size();
    if (elsewhere == nullptr || numbers <= small_answer) {
        co_return encode();
    }
    std::string out;
    std::function<void()> work = [&out, &encode] { out = encode(); };
    const bool done = co_await elsewhere->run(work);
    if (!done) {
        work();
    }
    co_return out;
}

std::size_t batch_size(const std::vector<std::string>& texts, std::size_t next, std::size_t most) {
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (count < most && next + count < texts.size()) {
        bytes += texts[next + count].size();
        if (count > 0 && bytes > most_batch_bytes) {
            break;
        }
        ++count;
    }
    return count;
}

}  // namespace corral::api
