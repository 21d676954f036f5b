// What monitoring hears of a request, at its end. Only words of the configuration and of this program: the
// name that a client gave to a model of its own is not among them.

#include "corral/telemetry/metrics.hpp"
#include "generation/generation_run.hpp"

namespace corral::generation {

void generation_run::count_in_metrics() const {
    if (with_.options.metrics == nullptr) {
        return;
    }
    telemetry::run_sample out;
    out.model = model_ == nullptr ? std::string() : model_->entry->name;
    out.backend = backend_label_;
    out.outcome = ended_as_;
    out.cause = ended_well_ ? std::string() : outcome_;
    const chat::generation_timings took = to_->timings();
    const chat::token_usage usage = figures_.usage();
    out.total = took.total;
    out.tries = tries_;
    out.prompt_tokens = usage.prompt_tokens;
    out.generated_tokens = usage.generated_tokens;
    if (!backend_label_.empty()) {
        out.queue = took.queue;
    }
    const auto known = [](core::nanoseconds span) {
        return span.count() > 0 ? std::optional(span) : std::nullopt;
    };
    out.reset = known(took.reset);
    out.prefill = known(took.prefill);
    out.decode = known(took.decode);
    out.tokenise = took.tokenise;
    out.detokenise = took.detokenise;
    out.delivery = took.delivery;
    out.first_text = first_text_after_;
    out.idle_after = idle_after_;
    with_.options.metrics->note_run(out);
}

}  // namespace corral::generation
