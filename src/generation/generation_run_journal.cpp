// What the journal hears of a request: its shape and its times, nothing of its text.

#include <utility>

#include "corral/generation/readiness.hpp"
#include "generation/generation_run.hpp"

namespace corral::generation {

// Once, with the first turn that the request gets; its later tries are of the same record.
void generation_run::open_journal() {
    if (with_.options.journal == nullptr || entry_ != nullptr) {
        return;
    }
    telemetry::run_record begun;
    begun.id = request_.id;
    begun.model = model_->name;
    begun.lane = model_->lane;
    begun.processes = backend_label_;
    const auto since = with_.clock->now() - request_.arrived;
    begun.arrived = std::chrono::system_clock::now() -
                    std::chrono::duration_cast<std::chrono::system_clock::duration>(since);
    begun.messages = request_.messages.size();
    begun.tools = request_.tools.is_array() ? request_.tools.size() : 0;
    begun.wants_format = !request_.format.is_null();
    begun.temperature = request_.sampling.temperature;
    begun.top_p = request_.sampling.top_p;
    begun.top_k = request_.sampling.top_k;
    begun.repeat_penalty = request_.sampling.repeat_penalty;
    begun.stops = request_.limits.stops.size();
    entry_ = with_.options.journal->begin(std::move(begun));
}

void generation_run::note_run(const chat::rendered_prompt& prompt) {
    if (entry_ == nullptr) {
        return;
    }
    telemetry::run_record& now = entry_->record();
    now.prompt_bytes = prompt.system.size() + prompt.turns.size();
    now.verbatim = prompt.verbatim;
    now.served_by = by_;
    now.processes = backend_label_;
    now.max_tokens = max_tokens(request_.limits, context_length_of(*model_));
    entry_->note_try();
    fill_journal();
}

void generation_run::fill_journal() const {
    telemetry::run_record& now = entry_->record();
    const chat::generation_timings took = figures_.timings(with_.clock->now());
    const chat::token_usage usage = figures_.usage();
    now.queue = took.queue;
    now.reset = took.reset;
    now.prefill = took.prefill;
    now.decode = took.decode;
    now.total = took.total;
    now.tokenise = took.tokenise;
    now.detokenise = took.detokenise;
    now.delivery = to_->timings().delivery;
    now.prompt_tokens = usage.prompt_tokens;
    now.generated_tokens = usage.generated_tokens;
    now.exact = usage.exact;
    now.tries = tries_;
}

void generation_run::close_journal() {
    if (entry_ == nullptr) {
        return;
    }
    fill_journal();
    entry_->record().outcome = outcome_;
    with_.options.journal->finish(entry_);
    entry_.reset();
}

}  // namespace corral::generation
