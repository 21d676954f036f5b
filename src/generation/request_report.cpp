#include "generation/request_report.hpp"

#include <algorithm>
#include <utility>

#include "corral/chat/failure.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/metrics.hpp"
#include "generation/prompt_cuts.hpp"

namespace corral::generation {

namespace {

constexpr std::size_t most_known = 1'000;
constexpr std::size_t longest_name = 64;

}  // namespace

std::vector<std::string> ignored_by(const chat::generation_request& request,
                                    std::span<const std::string_view> honoured, std::uint32_t context) {
    std::vector<std::string> out;
    for (const auto& [name, value, other_name] : chat::sampling_options) {
        const bool given =
            std::visit([&request](auto member) { return (request.sampling.*member).has_value(); }, value);
        if (given && std::find(honoured.begin(), honoured.end(), name) == honoured.end()) {
            out.emplace_back(name);
        }
    }
    if (context > 0 && request.limits.num_ctx.value_or(0) > static_cast<std::int64_t>(context)) {
        out.emplace_back("num_ctx");
    }
    for (const std::string& name : request.unused_options) {
        if (std::find(out.begin(), out.end(), name) == out.end()) {
            out.push_back(name);
        }
    }
    return out;
}

void ignored_options::report_unchecked(const std::string& model, const std::set<std::string>& keywords) {
    for (const std::string& keyword : keywords) {
        if (known_.size() < most_known && known_.emplace(model, "schema: " + keyword).second) {
            telemetry::warn(core::say("run.ignored/unchecked", model, keyword));
        }
    }
}

void ignored_options::report(const std::string& model, const std::vector<std::string>& options) {
    for (const std::string& option : options) {
        const std::string name = telemetry::printable(option, longest_name);
        if (known_.size() >= most_known || !known_.emplace(model, name).second) {
            continue;
        }
        if (name == "num_ctx") {
            telemetry::warn(core::say("run.ignored/context", model));
        } else {
            telemetry::warn(core::say("run.ignored/option", model, name));
        }
    }
}

namespace {

double milliseconds_of(core::nanoseconds span) {
    return std::chrono::duration<double, std::milli>(span).count();
}

// Of the log line: nothing where it is unknown.
std::string part_text(const char* name, const std::optional<core::nanoseconds>& took) {
    return took ? fmt::format(" {}_ms={:.1f}", name, milliseconds_of(*took)) : std::string();
}

std::string cache_text(const request_summary& now) {
    return now.start.empty() ? std::string()
                             : fmt::format(" cached_tokens={} start={}", now.usage.cached_tokens, now.start);
}

}  // namespace

void request_report::begin(const request_summary& now, std::string backend, std::string served_by,
                           std::chrono::system_clock::time_point arrived) {
    backend_ = std::move(backend);
    served_by_ = std::move(served_by);
    if (journal_ == nullptr || entry_ != nullptr) {
        return;
    }
    const chat::generation_request& request = now.request;
    telemetry::run_record begun;
    begun.id = request.id;
    begun.model = now.model->name;
    begun.deployment = now.model->deployment;
    begun.processes = backend_;
    begun.arrived = arrived;
    begun.messages = request.messages.size();
    begun.tools = request.tools.is_array() ? request.tools.size() : 0;
    begun.wants_format = !request.format.is_null();
    begun.temperature = request.sampling.temperature;
    begun.top_p = request.sampling.top_p;
    begun.top_k = request.sampling.top_k;
    begun.repeat_penalty = request.sampling.repeat_penalty;
    begun.stops = request.limits.stops.size();
    entry_ = journal_->begin(std::move(begun));
}

void request_report::note_run(const request_summary& now, const chat::rendered_prompt& prompt,
                              std::optional<std::uint32_t> max_tokens) {
    first_text_after_.reset();
    if (entry_ == nullptr) {
        return;
    }
    telemetry::run_record& record = entry_->record();
    record.prompt_bytes = prompt.system.size() + prompt.turns.size();
    record.verbatim = prompt.verbatim;
    record.served_by = served_by_;
    record.processes = backend_;
    record.max_tokens = max_tokens;
    entry_->note_try();
    fill_journal(now);
}

void request_report::note_piece(const request_summary& now, core::steady_time at) {
    if (!first_text_after_) {
        first_text_after_ = at - now.request.arrived;
    }
    if (entry_ != nullptr) {
        entry_->note_piece(at);
        fill_journal(now);
    }
}

void request_report::note_finish(chat::finish_reason reason) {
    ended_as_ = reason == chat::finish_reason::stop ? "stop" : "length";
    outcome_ = ended_as_;
    ended_well_ = true;
}

void request_report::note_failure(const chat::failure& why) {
    ended_as_ = name_of(why.kind);
    outcome_ = name_of(why);
    why_ = log_content_ || tells_why(why) ? why.message.text() : std::string();
}

void request_report::close(const request_summary& now) {
    log_line(now);
    if (entry_ != nullptr) {
        fill_journal(now);
        entry_->record().outcome = outcome_;
        entry_->record().why = telemetry::printable(why_, 500);
        journal_->finish(entry_);
        entry_.reset();
    }
    if (metrics_ != nullptr) {
        count_in_metrics(now);
    }
}

void request_report::log_line(const request_summary& now) const {
    const chat::generation_timings& took = now.timings;
    const double decode_seconds = std::chrono::duration<double>(took.decode).count();
    const double rate = decode_seconds > 0 ? now.usage.generated_tokens / decode_seconds : 0.0;
    telemetry::log().info(
        "request id={} model={} client={} queue_ms={:.1f} reset_ms={:.1f} prefill_ms={:.1f} decode_ms={:.1f} "
        "total_ms={:.1f}{}{}{} "
        "prompt_tokens={}{} tokens={} rate={:.2f} tries={} format_tries={} dropped_messages={}{}{} "
        "outcome={}{}",
        now.request.id, now.model == nullptr ? telemetry::printable(now.request.model) : now.model->name,
        telemetry::printable(now.request.address.empty() ? now.request.client : now.request.address),
        milliseconds_of(took.queue), milliseconds_of(took.reset), milliseconds_of(took.prefill),
        milliseconds_of(took.decode), milliseconds_of(took.total), part_text("tokenise", took.tokenise),
        part_text("detokenise", took.detokenise), part_text("delivery", took.delivery),
        now.usage.prompt_tokens, cache_text(now), now.usage.generated_tokens, rate, now.tries,
        now.format_tries, now.cuts.messages,
        now.cuts.any() ? " cuts=\"" + to_text(now.cuts) + '"' : std::string(),
        served_by_.empty() ? served_by_ : " by=" + served_by_, outcome_,
        why_.empty() ? std::string() : " why=\"" + telemetry::printable(why_, 500) + "\"");
}

void request_report::fill_journal(const request_summary& now) const {
    telemetry::run_record& record = entry_->record();
    static_cast<core::stage_times&>(record) = now.timings;
    record.prompt_tokens = now.usage.prompt_tokens;
    record.cached_tokens = now.usage.cached_tokens;
    record.start = now.start;
    record.generated_tokens = now.usage.generated_tokens;
    record.exact = now.usage.exact;
    record.tries = now.tries;
}

void request_report::count_in_metrics(const request_summary& now) const {
    telemetry::run_sample out;
    static_cast<core::stage_times&>(out) = now.timings;
    out.model = now.model == nullptr ? std::string() : now.model->entry->name;
    out.backend = backend_;
    out.outcome = ended_as_;
    out.cause = ended_well_ ? std::string() : outcome_;
    out.tries = now.tries;
    out.prompt_tokens = now.usage.prompt_tokens;
    out.cached_tokens = now.usage.cached_tokens;
    out.start = now.start;
    out.generated_tokens = now.usage.generated_tokens;
    out.first_text = first_text_after_;
    out.idle_after = idle_after_;
    out.calls = now.calls;
    metrics_->note_run(out);
}

}  // namespace corral::generation
