#include "engine/dialects/ollama_remote/remote_backend.hpp"

#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/catalog/trait_numbers.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/say.hpp"
#include "engine/dialects/ollama_remote/remote_run.hpp"
#include "engine/streaming/embedding_call.hpp"

namespace corral::engine::ollama_remote {

namespace {

std::string value_of(const catalog::model_entry& model, const std::string& variable) {
    const auto found = model.variables.find(variable);
    return found == model.variables.end() ? std::string() : found->second;
}

core::failure wrong(const catalog::model_entry& model, const core::reason& what) {
    return core::make_failure(core::errc::invalid,
                              core::say("runtime.profile/place", catalog::label_of(model), what));
}

bool has_others(const catalog::model_entry& model) {
    return model.tier > 0 || !model.fallbacks.empty();
}

}  // namespace

remote_backend::remote_backend(const supervisor::supervisor_context& context, catalog::model_entry model,
                               remote_settings settings, unsigned capacity)
    : context_(context),
      model_(std::move(model)),
      capacity_(capacity),
      protocol_(settings.model, model_.context.positions),
      sizes_({.clock = context.clock,
              .protocol = nullptr,
              .call = {},
              .at = {},
              .label = catalog::label_of(model_),
              .image_tokens =
                  [this] {
                      const auto each = catalog::image_tokens_of(model_);
                      return each ? *each : 0U;
                  },
              .counts_may_be_low = true}),
      watch_(std::make_shared<remote_watch>(context.on, *context.clock, context.disk, context.searches,
                                            std::move(settings))),
      services_(catalog::label_of(model_)) {
    context_.tasks->spawn("health of " + catalog::label_of(model_), remote_watch::keep_asking(watch_));
}

remote_backend::~remote_backend() {
    watch_->close();
}

backend_facts remote_backend::facts() const noexcept {
    return {.context_length = sizes_.context(model_.context.positions),
            .capacity = capacity_,
            .takes_verbatim = true,
            .takes_schemas = true,
            .takes_messages = true,
            .needs_system_prompt = false,
            .tells_logprobs = true,  // a server before 0.12.11 overlooks the wish
            .can_embed = catalog::can(model_, "embedding"),
            .honoured_sampling = remote_sampling()};
}

bool remote_backend::renew(const catalog::model_entry& as) {
    model_ = as;
    watch_->set_others(has_others(as));
    return true;
}

// The answer needs a place too.
std::uint32_t remote_backend::prompt_limit() const noexcept {
    const std::uint32_t context = sizes_.context(model_.context.positions);
    return context > 0 ? context - 1 : 0;
}

core::awaitable<core::result<prompt_measure>> remote_backend::measure(const chat::rendered_prompt& prompt,
                                                                      core::deadline until) {
    const prompt_measure measured = co_await sizes_.measure(prompt, prompt_limit(), until);
    co_return measured;
}

core::awaitable<run_outcome> remote_backend::run(run_spec spec, run_sink& sink, run_control& control,
                                                 std::function<void(const run_outcome&)> on_end) {
    const std::shared_ptr<remote_watch> watch = watch_;
    remote_run one(*watch, protocol_, model_.runtime.clocks, *context_.clock, sink, control);
    const chat::rendered_prompt prompt = spec.prompt;
    run_outcome out = co_await one.perform(std::move(spec), sizes_.likely(prompt));
    if (one.too_long() && out.failure) {
        out.failure->retryable = sizes_.refused(prompt, *one.too_long(), prompt_limit());
    } else if (out.progress.usage.exact) {
        sizes_.counted(prompt, out.progress.usage.prompt_tokens, prompt_limit());
    }
    if (on_end) {
        on_end(out);
    }
    co_return out;
}

core::awaitable<embedding_outcome> remote_backend::embed(embedding_order order) {
    const std::shared_ptr<remote_watch> watch = watch_;
    const catalog::engine_clocks clocks = model_.runtime.clocks;
    streaming::embedding_server server;
    server.how = model_.runtime.traits.embedding;
    server.model = watch->settings().model;
    server.host = watch->settings().at.host_header();
    const core::clock_source& clock = *context_.clock;
    server.clock = &clock;
    server.error_of = [protocol = protocol_](unsigned status, std::string_view body) {
        return protocol.error_of(status, body);
    };
    // It answers with its last word, and may have to load the model before.
    server.patience = [clocks](std::uint32_t tokens) {
        return core::nanoseconds(clocks.prefill_base) + core::nanoseconds(clocks.prefill_per_token) * tokens;
    };
    server.stall = clocks.decode_stall;
    core::result<http::header_fields> key = co_await watch->key_headers(order.until);
    if (order.until.passed(clock.now())) {
        co_return took_too_long();
    }
    if (!key) {
        co_return watch->missed(key.error().message);
    }
    server.headers = std::move(*key);
    const core::deadline soon = core::deadline::after(clocks.call, clock.now()).sooner(order.until);
    const auto at = co_await watch->reach(soon);
    if (!at) {
        if (order.until.passed(clock.now())) {
            co_return took_too_long();
        }
        co_return watch->missed(at.error().message);
    }
    server.at = *at;
    embedding_outcome made = co_await streaming::embed_texts(std::move(server), std::move(order));
    if (made) {
        watch->served();
    } else if (made.error().kind == chat::failure_kind::runtime_failed) {
        watch->failed(
            core::say("runtime.hung/made", watch->settings().at.text()));  // its own words are for the client
    }
    co_return made;
}

core::awaitable<bool> remote_backend::stop(core::deadline) {
    watch_->end();
    co_return true;
}

core::result<std::unique_ptr<backend>> make_ollama_remote(const supervisor::supervisor_context& context,
                                                          const catalog::model_entry& model) {
    const auto at = parse_remote_url(value_of(model, "url"));
    if (!at) {
        return wrong(model, core::say("runtime.profile/variable", at.error().message));
    }
    const auto capacity = catalog::capacity_of(model);
    if (!capacity) {
        return capacity.error();
    }
    remote_settings settings;
    settings.label = catalog::label_of(model);
    settings.at = *at;
    settings.model = value_of(model, "remote_model");
    settings.key_file = value_of(model, "key_file");
    settings.call = model.runtime.clocks.call;
    settings.has_others = has_others(model);
    if (settings.model.empty()) {
        settings.model = model.name;
    }
    return std::unique_ptr<backend>(
        std::make_unique<remote_backend>(context, model, std::move(settings), *capacity));
}

}  // namespace corral::engine::ollama_remote
