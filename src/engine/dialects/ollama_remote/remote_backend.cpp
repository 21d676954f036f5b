#include "engine/dialects/ollama_remote/remote_backend.hpp"

#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/catalog/trait_numbers.hpp"
#include "corral/chat/render.hpp"
#include "engine/dialects/ollama_remote/remote_run.hpp"

namespace corral::engine::ollama_remote {

namespace {

std::string value_of(const catalog::model_entry& model, const std::string& variable) {
    const auto found = model.variables.find(variable);
    return found == model.variables.end() ? std::string() : found->second;
}

core::failure wrong(const catalog::model_entry& model, const std::string& what) {
    return {core::make_error_code(core::errc::invalid), "Model " + catalog::label_of(model) + ": " + what};
}

}  // namespace

remote_backend::remote_backend(const supervisor::supervisor_context& context, catalog::model_entry model,
                               remote_settings settings, unsigned capacity)
    : context_(context),
      model_(std::move(model)),
      capacity_(capacity),
      protocol_(settings.model, model_.context.positions),
      watch_(std::make_shared<remote_watch>(context.on, *context.clock, context.disk, std::move(settings))),
      services_(catalog::label_of(model_)) {
    context_.tasks->spawn("health of " + catalog::label_of(model_), remote_watch::keep_asking(watch_));
}

remote_backend::~remote_backend() {
    watch_->close();
}

bool remote_backend::renew(const catalog::model_entry& as) {
    model_ = as;
    return true;
}

core::awaitable<core::result<prompt_measure>> remote_backend::measure(const chat::rendered_prompt& prompt,
                                                                      core::deadline) {
    constexpr std::size_t usual_token_bytes = 4;
    prompt_measure out;
    out.system_tokens = static_cast<std::uint32_t>(prompt.system.size() / usual_token_bytes);
    out.turn_tokens = static_cast<std::uint32_t>(prompt.turns.size() / usual_token_bytes);
    const std::uint32_t context = model_.context.positions;
    const std::uint64_t all = std::uint64_t{out.system_tokens} + out.turn_tokens;
    out.limit = out.system_tokens < context ? context : 0;
    out.fits = context == 0 || all < context;
    co_return out;
}

core::awaitable<run_outcome> remote_backend::run(run_spec what, run_sink& sink, run_control& control,
                                                 std::function<void(const run_outcome&)> on_end) {
    const std::shared_ptr<remote_watch> watch = watch_;
    remote_run one(*watch, protocol_, model_.runtime.clocks, *context_.clock, sink, control);
    run_outcome out = co_await one.perform(std::move(what));
    if (on_end) {
        on_end(out);
    }
    co_return out;
}

core::awaitable<bool> remote_backend::stop(core::deadline) {
    watch_->end();
    co_return true;
}

core::result<std::unique_ptr<backend>> make_ollama_remote(const supervisor::supervisor_context& context,
                                                          const catalog::model_entry& model) {
    const auto at = parse_remote_url(value_of(model, "url"));
    if (!at) {
        return wrong(model, "the variable 'url': " + at.error().message);
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
    if (settings.model.empty()) {
        settings.model = model.name;
    }
    return std::unique_ptr<backend>(
        std::make_unique<remote_backend>(context, model, std::move(settings), *capacity));
}

}  // namespace corral::engine::ollama_remote
