#include "corral/telemetry/metrics.hpp"

#include <algorithm>
#include <set>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace corral::telemetry {

namespace {

using counters = prometheus::Family<prometheus::Counter>;
using histograms = prometheus::Family<prometheus::Histogram>;
using buckets = prometheus::Histogram::BucketBoundaries;

// From a tokenizer's call to a long answer on a slow card.
const buckets& stage_seconds() {
    static const buckets all{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                             1,     2.5,   5,    10,    30,   60,  120,  300};
    return all;
}

const buckets& load_seconds() {
    static const buckets all{0.5, 1, 2.5, 5, 10, 20, 40, 60, 90, 120, 180, 300, 600};
    return all;
}

const buckets& late_seconds() {
    static const buckets all{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
    return all;
}

const buckets& token_rates() {
    static const buckets all{0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 100};
    return all;
}

double in_seconds(core::nanoseconds span) {
    return std::chrono::duration<double>(span).count();
}

counters& make_counters(prometheus::Registry& in, const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(in);
}

histograms& make_histograms(prometheus::Registry& in, const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(in);
}

// Values of one label. What is configured is bounded by its owner; this only keeps a mistake, or years of
// reloads, from filling the memory.
class bounded_words {
public:
    explicit bounded_words(std::size_t most) : most_(most) {}
    const std::string& keep(const std::string& word) {
        static const std::string other("other");
        if (known_.size() >= most_ && !known_.contains(word)) {
            return other;
        }
        return *known_.insert(word).first;
    }

private:
    std::size_t most_;
    std::set<std::string> known_;
};

prometheus::MetricFamily to_prometheus(const metric_page::family& from) {
    prometheus::MetricFamily out;
    out.name = from.name;
    out.help = from.help;
    const bool counts = from.kind == metric_kind::counter;
    out.type = counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (const metric_page::sample& each : from.samples) {
        prometheus::ClientMetric one;
        for (const auto& [name, value] : each.labels) {
            one.label.push_back({name, value});
        }
        (counts ? one.counter.value : one.gauge.value) = each.value;
        out.metric.push_back(std::move(one));
    }
    return out;
}

std::string written(std::vector<prometheus::MetricFamily> all, const metric_page& more) {
    for (const metric_page::family& each : more.families()) {
        all.push_back(to_prometheus(each));
    }
    // The order of one scrape and the next is the same for a person who compares them.
    std::ranges::sort(all, [](const auto& one, const auto& other) { return one.name < other.name; });
    return prometheus::TextSerializer().Serializer::Serialize(all);
}

}  // namespace

void metric_page::gauge(std::string_view name, std::string_view help, metric_labels labels, double value) {
    add(name, help, metric_kind::gauge, std::move(labels), value);
}

void metric_page::counter(std::string_view name, std::string_view help, metric_labels labels, double value) {
    add(name, help, metric_kind::counter, std::move(labels), value);
}

void metric_page::add(std::string_view name, std::string_view help, metric_kind kind, metric_labels labels,
                      double value) {
    // Collectors fill one family after the other, so it is mostly the last.
    auto found = std::find_if(families_.rbegin(), families_.rend(),
                              [&](const family& one) { return one.name == name; });
    if (found == families_.rend()) {
        families_.push_back({std::string(name), std::string(help), kind, {}});
        found = families_.rbegin();
    }
    const bool twice =
        std::ranges::any_of(found->samples, [&](const sample& one) { return one.labels == labels; });
    if (!twice) {
        found->samples.push_back({std::move(labels), value});
    }
}

struct metrics::impl {
    prometheus::Registry registry;
    counters& requests = make_counters(registry, "corral_requests_total", "Finished requests, by outcome.");
    counters& failures =
        make_counters(registry, "corral_request_failures_total", "Failed or refused requests, by cause.");
    counters& tries =
        make_counters(registry, "corral_request_tries_total", "Runs on a backend, retries included.");
    counters& retries = make_counters(registry, "corral_request_retries_total",
                                      "Runs repeated because nothing of the answer had been sent.");
    counters& prompt_tokens = make_counters(registry, "corral_prompt_tokens_total",
                                            "Prompt tokens read by backends, cached ones included.");
    counters& cached_tokens =
        make_counters(registry, "corral_prompt_cached_tokens_total",
                      "Prompt tokens that a backend had cached from an earlier request.");
    counters& prompt_starts =
        make_counters(registry, "corral_prompt_starts_total",
                      "Prompts, by whether the backend continued from its cache, or why it did not.");
    counters& generated_tokens =
        make_counters(registry, "corral_generated_tokens_total", "Tokens generated by backends.");
    counters& tool_calls = make_counters(registry, "corral_tool_calls_total",
                                         "Tool calls, by how their arguments met the schema.");
    histograms& stages =
        make_histograms(registry, "corral_request_stage_seconds", "Time of requests in each stage.");
    histograms& whole = make_histograms(registry, "corral_request_seconds",
                                        "Time from a request's arrival to the end of its run.");
    histograms& first_text =
        make_histograms(registry, "corral_request_first_token_seconds",
                        "Time from a request's arrival to the first text of its answer.");
    histograms& idle_after =
        make_histograms(registry, "corral_request_cancel_idle_seconds",
                        "Time from the cancellation of a run until its backend was idle and empty again.");
    histograms& rates = make_histograms(registry, "corral_request_decode_tokens_per_second",
                                        "Tokens per second of answers during decode.");
    histograms& loads = make_histograms(registry, "corral_service_load_seconds",
                                        "Time from the start of a service's process until it was ready.");
    prometheus::Histogram& late =
        make_histograms(registry, "corral_loop_late_seconds", "Delay of the event loop's timers.")
            .Add({}, late_seconds());
    bounded_words models{256};
    bounded_words backends{1024};
    bounded_words services{1024};
    bounded_words causes{256};
    bounded_words starts{32};
    std::vector<collector> collectors;

    void observe(histograms& into, const prometheus::Labels& labels,
                 const std::optional<core::nanoseconds>& took) {
        if (took) {
            into.Add(labels, stage_seconds()).Observe(in_seconds(std::max(*took, core::nanoseconds{0})));
        }
    }
    void observe_stages(const std::string& model, const run_sample& of) {
        const auto known = [](core::nanoseconds took) {
            return took.count() > 0 ? std::optional(took) : std::nullopt;
        };
        const std::pair<const char*, std::optional<core::nanoseconds>> all[] = {
            {"queue", of.queue},          {"reset", known(of.reset)},
            {"tokenise", of.tokenise},    {"prefill", known(of.prefill)},
            {"decode", known(of.decode)}, {"detokenise", of.detokenise},
            {"delivery", of.delivery}};
        for (const auto& [stage, took] : all) {
            observe(stages, {{"model", model}, {"stage", stage}}, took);
        }
    }
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}
metrics::~metrics() = default;

void metrics::expect(const std::string& model, const std::string& backend) {
    impl& my = *impl_;
    const std::string& name = my.models.keep(model);
    const prometheus::Labels at{{"model", name}, {"backend", my.backends.keep(backend)}};
    for (const char* outcome : {"stop", "length"}) {
        prometheus::Labels ends = at;
        ends.emplace("outcome", outcome);
        my.requests.Add(ends);
    }
    for (const char* arguments : {"fitting", "repaired", "corrected", "wrong"}) {
        my.tool_calls.Add({{"model", name}, {"arguments", arguments}});
    }
    my.tries.Add(at);
    my.retries.Add({{"model", name}});
    my.prompt_tokens.Add(at);
    my.cached_tokens.Add(at);
    my.generated_tokens.Add(at);
}

void metrics::note_run(const run_sample& of) {
    impl& my = *impl_;
    const std::string& model = my.models.keep(of.model);
    const std::string& backend = my.backends.keep(of.backend);
    const prometheus::Labels at{{"model", model}, {"backend", backend}};
    my.requests.Add({{"model", model}, {"backend", backend}, {"outcome", of.outcome}}).Increment();
    if (!of.cause.empty()) {
        my.failures.Add({{"model", model}, {"cause", my.causes.keep(of.cause)}}).Increment();
    }
    my.observe(my.whole, {{"model", model}}, of.total);
    if (of.backend.empty()) {
        return;
    }
    my.tries.Add(at).Increment(of.tries);
    my.retries.Add({{"model", model}}).Increment(of.tries > 1 ? of.tries - 1 : 0);
    my.prompt_tokens.Add(at).Increment(static_cast<double>(of.prompt_tokens));
    my.cached_tokens.Add(at).Increment(static_cast<double>(of.cached_tokens));
    if (!of.start.empty()) {
        my.prompt_starts.Add({{"model", model}, {"backend", backend}, {"start", my.starts.keep(of.start)}})
            .Increment();
    }
    my.generated_tokens.Add(at).Increment(static_cast<double>(of.generated_tokens));
    const std::pair<const char*, unsigned> calls[] = {{"fitting", of.calls.fitting},
                                                      {"repaired", of.calls.repaired},
                                                      {"corrected", of.calls.corrected},
                                                      {"wrong", of.calls.wrong}};
    for (const auto& [arguments, number] : calls) {
        if (number > 0) {
            my.tool_calls.Add({{"model", model}, {"arguments", arguments}}).Increment(number);
        }
    }
    my.observe_stages(model, of);
    my.observe(my.first_text, {{"model", model}}, of.first_text);
    my.observe(my.idle_after, {{"model", model}}, of.idle_after);
    if (of.decode.count() > 0 && of.generated_tokens > 0) {
        my.rates.Add(at, token_rates())
            .Observe(static_cast<double>(of.generated_tokens) / in_seconds(of.decode));
    }
}

void metrics::note_load(const std::string& backend, const std::string& service, core::nanoseconds took) {
    impl& my = *impl_;
    my.loads
        .Add({{"backend", my.backends.keep(backend)}, {"service", my.services.keep(service)}}, load_seconds())
        .Observe(in_seconds(took));
}

void metrics::note_lateness(core::nanoseconds late) {
    impl_->late.Observe(in_seconds(std::max(late, core::nanoseconds{0})));
}

void metrics::collect_with(collector ask) {
    impl_->collectors.push_back(std::move(ask));
}

// The registry guards itself, and what was counted meanwhile does no harm.
std::function<std::string()> metrics::page() const {
    auto now = std::make_shared<metric_page>();
    for (const collector& ask : impl_->collectors) {
        ask(*now);
    }
    return [now, &registry = impl_->registry] { return written(registry.Collect(), *now); };
}

}  // namespace corral::telemetry
