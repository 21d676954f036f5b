#pragma once
// Figures for monitoring, in Prometheus' text format (docs/metrics.md has them all). What happens is counted
// when it happens; what is, is asked of collectors at the moment of a scrape, and only from memory: a scrape
// asks no device and waits for nothing. On the loop's thread, but for the writing of a page.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/core/time.hpp"

namespace corral::telemetry {

// Figures as they are at one moment, gathered for one scrape: families of values with labels. What a
// collector puts in must be bounded: names of the configuration, of services and of cards, never a client's
// word.

using metric_labels = std::vector<std::pair<std::string, std::string>>;

enum class metric_kind { gauge, counter };

class metric_page {
public:
    struct sample {
        metric_labels labels;
        double value = 0;
    };
    struct family {
        std::string name;
        std::string help;
        metric_kind kind = metric_kind::gauge;
        std::vector<sample> samples;
    };

    // Names after the conventions of Prometheus: base units, and _total at the end of a counter. The first
    // call fixes the help and kind of a family. A second value with the same labels is dropped: a page with
    // both would be refused as a whole.
    void gauge(std::string_view name, std::string_view help, metric_labels labels, double value);
    void counter(std::string_view name, std::string_view help, metric_labels labels, double value);

    [[nodiscard]] const std::vector<family>& families() const noexcept { return families_; }

private:
    void add(std::string_view name, std::string_view help, metric_kind kind, metric_labels labels,
             double value);

    std::vector<family> families_;
};

// Calls of tools by their arguments: they fit, were repaired, were asked for again, or went out though they don't fit.
struct call_counts {
    unsigned fitting = 0;
    unsigned repaired = 0;
    unsigned corrected = 0;
    unsigned wrong = 0;
};

// One request at its end. Absent: it had no such stage, or that is unknown.
struct run_sample : core::stage_times {
    std::string model;                            // as configured, not as typed; empty: none that is served
    std::string backend;                          // where it ran last; empty: it had no turn
    std::string outcome;                          // a word of a fixed set
    std::string cause;                            // of a failure: stable id; else empty
    std::optional<core::nanoseconds> first_text;  // from its arrival
    std::optional<core::nanoseconds> idle_after;  // from its cancelling until the runtime was idle again
    std::uint64_t prompt_tokens = 0;
    std::uint64_t cached_tokens = 0;  // of these, those that the runtime held computed
    std::string start;  // "continued", or why it computed all: a word of a fixed set; may be empty
    std::uint64_t generated_tokens = 0;
    unsigned tries = 0;  // runs
    call_counts calls{};
};

class metrics {
public:
    // The Content-Type of text().
    static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

    metrics();
    metrics(const metrics&) = delete;
    metrics& operator=(const metrics&) = delete;
    ~metrics();

    // Of a model that may get requests: its counters begin at 0 rather than with their first event, so that
    // no increase is lost.
    void expect(const std::string& model, const std::string& backend);
    void note_run(const run_sample& of);
    // A service became ready so long after its start.
    void note_load(const std::string& backend, const std::string& service, core::nanoseconds took);
    // The loop came so much later than it was to come.
    void note_lateness(core::nanoseconds late);

    // Asked at every scrape; must not throw, wait or take long.
    using collector = std::function<void(metric_page&)>;
    void collect_with(collector ask);

    // All figures as they are now, to be written down when it is called, on any thread: that takes milliseconds.
    // REQUIRES: this outlives it.
    [[nodiscard]] std::function<std::string()> page() const;
    [[nodiscard]] std::string text() const { return page()(); }

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace corral::telemetry
