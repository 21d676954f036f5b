#include "engine/streaming/stream_backend.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/system/system_error.hpp>

#include "corral/catalog/placement.hpp"
#include "corral/catalog/trait_numbers.hpp"
#include "corral/core/say.hpp"
#include "corral/http/client.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/group_availability.hpp"
#include "engine/handover_words.hpp"
#include "engine/loss_text.hpp"
#include "engine/streaming/event_answer.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::streaming {

namespace {

using supervisor::service_state;

// Servers have their own names for some values; those who ask have Ollama's.
std::vector<std::string_view> request_names(const std::vector<std::string>& wire) {
    std::vector<std::string_view> out(wire.begin(), wire.end());
    std::replace(out.begin(), out.end(), std::string_view("repetition_penalty"),
                 std::string_view("repeat_penalty"));
    return out;
}

std::shared_ptr<http::kept_connections> connections_of(const catalog::runtime_traits& traits,
                                                       unsigned capacity) {
    return traits.keep_connections.count() > 0
               ? std::make_shared<http::kept_connections>(traits.keep_connections, capacity)
               : nullptr;
}

bool serves(const supervisor::service_status& service) {
    return service.pid != 0 &&
           (service.state == service_state::starting || service.state == service_state::ready);
}

}  // namespace

core::result<std::unique_ptr<backend>> stream_backend::make(
    const supervisor::supervisor_context& context, const catalog::model_entry& model,
    core::result<std::unique_ptr<stream_protocol>> protocol, const backend_handover* handover) {
    if (!protocol) {
        return protocol.error();
    }
    auto where = find_places(context, model, handover);
    if (!where) {
        return where.error();
    }
    try {
        std::unique_ptr<backend> made(
            new stream_backend(context, model, std::move(*where), std::move(*protocol), handover));
        return made;
    } catch (const boost::system::system_error& error) {
        return core::failure{error.code(),
                             core::say("runtime.profile/place", catalog::label_of(model), error.what())};
    }
}

core::result<stream_backend::places> stream_backend::find_places(
    const supervisor::supervisor_context& context, const catalog::model_entry& model,
    const backend_handover* handover) {
    const std::vector<catalog::service_template>& templates = model.runtime.services;
    if (templates.empty()) {
        return core::make_failure(core::errc::invalid,
                                  core::say("runtime.profile/names-service", model.name, model.runtime.name));
    }
    places out;
    const auto capacity = catalog::capacity_of(model);
    if (!capacity) {
        return capacity.error();
    }
    out.capacity = *capacity;
    if (const auto begun = begin_group(context, model, handover, out); !begun) {
        return begun.error();
    }
    for (const catalog::service_template& rules : templates) {
        auto service = make_service(model, rules, out.ports, {});
        if (!service) {
            return service.error();
        }
        add_service(context, model, std::move(*service), out);
    }
    return out;
}

stream_backend::stream_backend(const supervisor::supervisor_context& context, catalog::model_entry model,
                               places where, std::unique_ptr<stream_protocol> protocol,
                               const backend_handover* handover)
    : group_backend(context, std::move(model)),
      places_(std::move(where)),
      protocol_(std::move(protocol)),
      sampling_(request_names(model_.runtime.traits.sampling)),
      clocks_(model_.runtime.clocks),
      kept_(connections_of(model_.runtime.traits, places_.capacity)),
      sizes_({.clock = context.clock,
              .protocol = protocol_.get(),
              .call = model_.runtime.clocks.call,
              .at = [this] { return places_.runtime_at; },
              .kept = kept_,
              .gone = [this] { return runtime_is_gone(); },
              .label = catalog::label_of(model_),
              .image_tokens =
                  [this] {
                      const auto each = catalog::image_tokens_of(model_);
                      return each ? *each : 0U;
                  }}),
      prefixes_(model_.runtime.traits.prefix_cache, places_.capacity),
      runs_(parts()),
      lines_{line_reader(), line_reader()} {
    const auto hook = [this](supervisor::service_spec& service) {
        if (service.name == places_.runtime) {
            service.self_test = [this] { return self_test(); };
            service.quiesce = [this](core::deadline until) { return quiesce(until); };
            service.busy = [this] {
                return model_.runtime.traits.probe_blocks_while_generating && runs_.busy();
            };
            service.at_work = [this] { return runs_.busy(); };
            service.on_endpoint = [this](const auto& at) { places_.runtime_at = at; };
        }
    };
    own(places_, places_.capacity, hook, handover);
    if (handover != nullptr) {
        stated_.size_bytes =
            core::whole_number<std::uint64_t>(word_of(handover->state, "model_bytes")).value_or(0);
        stated_.embedding_length =
            core::whole_number<std::uint32_t>(word_of(handover->state, "embedding_length")).value_or(0);
        stated_.parameter_size = word_of(handover->state, "parameters");
        stated_.quantization = word_of(handover->state, "quantization");
        const auto stated = [handover](const char* key) {
            return core::whole_number<std::uint32_t>(word_of(handover->state, key)).value_or(0);
        };
        sizes_.note_stated({stated("context"), stated("prompt")});
        protocol_->note_system_at_question(!word_of(handover->state, "system_at_question").empty());
    }
    if (model_.runtime.traits.prefix_cache != catalog::prefix_cache::none) {
        reuse_.state = "the server's own";
    }
    if (model_files files = files_of(model_); context_.disk != nullptr && !files.model.empty()) {
        context_.tasks->spawn("file of " + catalog::label_of(model_),
                              look_into(context_.disk, std::move(files), false, file_facts_, {}));
    }
    look_at_services();
    prefixes_of_ = runtime_.starts;
    if (handover != nullptr) {
        prefixes_.doubt();
        unsalted_ = unsalted_prompts::known_from(word_of(handover->state, "unsalted"));
    }
    observe();
}

stream_backend::~stream_backend() {
    close_kept();
    disown();
}

stream_parts stream_backend::parts() {
    return stream_parts{
        .on = context_.on,
        .clock = context_.clock,
        .tasks = context_.tasks,
        .protocol = protocol_.get(),
        .traits = model_.runtime.traits,
        .clocks = model_.runtime.clocks,
        .learned = &clocks_,
        .capacity = places_.capacity,
        .failing_lines = failing_lines(),
        .at = [this] { return places_.runtime_at; },
        .kept = kept_,
        .gone = [this] { return runtime_is_gone(); },
        .mark = [this] { return runtime_.starts; },
        .lost = [this](std::uint64_t mark) { return lost_since(mark); },
        .restart =
            [this](core::reason cause, supervisor::restart_reason why) {
                group_->restart(places_.runtime, std::move(cause), why);
            },
        .halted = [this] { return group_->halted(places_.runtime); },
        .usual_load = [this] { return runtime_.usual_load; },
        .too_long =
            [this](const chat::rendered_prompt& prompt, const context_refusal& refusal) {
                return sizes_.refused(prompt, refusal, prompt_limit());
            },
        .unanswered =
            [this](const chat::rendered_prompt& prompt, std::uint32_t counted) {
                return sizes_.unanswered(prompt, counted, prompt_limit());
            },
        .format_refused =
            [this](unsigned status) {
                // Not in its words, which may be the client's.
                if (!std::exchange(warned_of_format_, true)) {
                    telemetry::warn(
                        core::say("runtime.tap-unused/format", catalog::label_of(model_), status));
                }
            },
        .likely_tokens = [this](const chat::rendered_prompt& prompt) { return sizes_.likely(prompt); },
        .salt_refused = [this](const std::string& owner) { return goes_unsalted(owner); },
    };
}

// Where several answers run, a line does not say which one it is about.
std::vector<catalog::log_meaning> stream_backend::failing_lines() const {
    std::vector<catalog::log_meaning> out;
    if (places_.capacity == 1) {
        const auto& all = model_.runtime.services.back().lines;
        std::copy_if(all.begin(), all.end(), std::back_inserter(out),
                     [](const catalog::log_meaning& line) { return line.fails_answer; });
    }
    return out;
}

telemetry::line_assembler stream_backend::line_reader() {
    const auto read = [this](std::string_view line) {
        // Later it may be a client's text.
        if (runtime_.state == service_state::starting) {
            sizes_.note_stated(protocol_->sizes_in_line(line));
        }
        runs_.on_line(line);
    };
    return {read, [](std::string_view) {}};
}

std::optional<stream_parts::lost_server> stream_backend::lost_since(std::uint64_t mark) const {
    if (runtime_.starts == mark && serves(runtime_)) {
        return std::nullopt;
    }
    if (stop_wanted_) {
        return stream_parts::lost_server{.why = {.kind = chat::failure_kind::unavailable,
                                                 .message = core::say("runtime.given-up/runtime"),
                                                 .retryable = true}};
    }
    const core::reason ended = ended_text("The runtime", runtime_);
    return stream_parts::lost_server{
        .why = {.kind = chat::failure_kind::runtime_failed,
                .message = was_restarted(runtime_) ? core::say("request.restarted/found", ended)
                                                   : core::say("request.runtime-died/found", ended),
                .retryable = true},
        .died = fell(runtime_)};
}

stated_model stream_backend::stated() const {
    stated_model out = stated_;
    fill_from_file(out, *file_facts_);
    return out;
}

backend_facts stream_backend::facts() const noexcept {
    const catalog::runtime_traits& traits = model_.runtime.traits;
    return {.context_length = context_length(),
            .capacity = places_.capacity,
            .takes_verbatim = !traits.completion_target.empty(),
            .takes_schemas = traits.formats != catalog::format_form::none,
            .takes_messages = traits.conversation != catalog::conversation_form::single_message,
            .needs_system_prompt = protocol_->needs_system_prompt(),
            .tells_logprobs = traits.logprobs != catalog::logprob_form::none,
            .can_embed = catalog::can(model_, "embedding"),
            .honoured_sampling = sampling_};
}

backend_report stream_backend::report() const {
    backend_report out = group_backend::report();
    out.reuse = reuse();
    return out;
}

bool stream_backend::renew(const catalog::model_entry& as) {
    if (!group_backend::renew(as)) {
        return false;
    }
    sampling_ = request_names(model_.runtime.traits.sampling);
    return true;
}

std::uint32_t stream_backend::prompt_limit() const noexcept {
    const catalog::context_sizes& sizes = model_.context;
    const std::uint32_t context = context_length();
    // The answer needs a place too.
    std::uint32_t most = context > 0 ? context - 1 : 0;
    if (const std::uint32_t stated = sizes_.stated_prompt(); stated > 0 && (most == 0 || stated < most)) {
        most = stated;
    }
    return sizes.prompt_limit > 0 && (most == 0 || sizes.prompt_limit < most) ? sizes.prompt_limit : most;
}

core::awaitable<core::result<prompt_measure>> stream_backend::measure(const chat::rendered_prompt& prompt,
                                                                      core::deadline until) {
    prompt_measure measured = co_await sizes_.measure(prompt, prompt_limit(), until);
    if (prompt.count_exactly && !measured.exact) {
        const std::optional<std::uint32_t> counted = co_await sizes_.count(prompt, until);
        if (counted) {
            measured.system_tokens = 0;
            measured.turn_tokens = *counted;
            measured.exact = true;
        }
    }
    co_return measured;
}

core::awaitable<core::result<prompt_measure>> stream_backend::count_beside(
    const chat::rendered_prompt& prompt, core::deadline until) {
    look_at_services();
    const std::uint64_t mark = runtime_.starts;
    core::result<prompt_measure> out =
        core::make_failure(core::errc::refused, core::say("runtime.count-not-known/server-serve"));
    if (lost_since(mark) || stop_wanted_) {
        co_return out;
    }
    out = co_await measure(prompt, until);
    look_at_services();
    if (until.passed(context_.clock->now())) {
        out = core::make_failure(core::errc::timed_out, core::say("runtime.count-not-known/server-count"));
    } else if (lost_since(mark) || stop_wanted_) {
        out = core::make_failure(core::errc::refused, core::say("runtime.count-not-known/server-went"));
    }
    co_return out;
}

core::awaitable<void> stream_backend::fit_max_tokens(run_spec& spec) {
    const std::uint32_t context = context_length();
    if (!spec.max_tokens || context == 0) {
        co_return;
    }
    std::optional<std::uint32_t> tokens = sizes_.known(spec.prompt);
    const bool in_doubt = sizes_.most_tokens(spec.prompt) + *spec.max_tokens > context;
    if (!tokens && in_doubt && protocol_->limit_must_fit()) {
        tokens = co_await sizes_.count(spec.prompt, spec.until);
    }
    if (tokens && *tokens < context) {
        spec.max_tokens = std::min(*spec.max_tokens, context - *tokens);
    }
}

core::awaitable<run_outcome> stream_backend::run(run_spec spec, run_sink& sink, run_control& control,
                                                 std::function<void(const run_outcome&)> on_end) {
    look_at_services();
    const supervisor::box_activity::mark at_work(context_.activity, *context_.clock);
    auto refused = co_await refused_run(*group_, places_.runtime, control, *context_.clock, on_end);
    if (refused) {
        close_kept();  // it is unknown with whom they are
        co_return std::move(*refused);
    }
    request_words::listener hears(words_, spec.prompt, sink);
    std::optional<decay_watch::run> measured;
    if (decay_) {
        on_end = measured.emplace(*decay_).on_end(std::move(on_end));
    }
    co_await fit_max_tokens(spec);
    const chat::rendered_prompt prompt = spec.prompt;
    const std::optional<prefix_places::choice> place = place_of(spec);
    run_outcome out = co_await runs_.run(std::move(spec), hears, control, std::move(on_end), true);
    if (place) {
        prefixes_.leave(*place, out.progress.prompt_accepted);
    }
    if (place || !reuse_.state.empty()) {
        reuse_.note(out.progress);
    }
    if (!out.failure && out.end != run_end::cancelled) {
        group_->went_well(places_.runtime);
    }
    if (measured) {
        measured->ended(out);
    }
    if (out.progress.usage.exact) {
        sizes_.counted(prompt, out.progress.usage.prompt_tokens, prompt_limit());
    }
    co_return out;
}

void stream_backend::start() {
    stop_wanted_ = false;
    group_->start();
}

core::awaitable<bool> stream_backend::stop(core::deadline until) {
    stop_wanted_ = true;
    co_return co_await group_->stop(until);
}

void stream_backend::close_kept() {
    if (kept_) {
        kept_->close();
    }
}

// Some servers wait for their connections before they end.
core::awaitable<void> stream_backend::quiesce(core::deadline until) {
    const bool idle = co_await runs_.come_to_rest(until);
    close_kept();
    if (!idle) {
        telemetry::log().debug("{}: the runtime was not idle before its stop", catalog::label_of(model_));
    }
}

void stream_backend::on_output(std::string_view service, process::output_stream stream,
                               std::string_view bytes) {
    if (service == places_.runtime) {
        lines_[static_cast<std::size_t>(stream)].feed(bytes);
    }
}

void stream_backend::on_status(const supervisor::service_status& now) {
    if (now.name == places_.runtime) {
        if (now.starts != runtime_.starts) {
            sizes_.forget_server();
        }
        if (now.starts != runtime_.starts || now.pid != runtime_.pid) {
            close_kept();
        }
        runtime_ = now;
        note_load(now.state);
    }
    runs_.on_status();
    changed_.ring();
}

}  // namespace corral::engine::streaming
