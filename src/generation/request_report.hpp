#pragma once
// What log, journal and monitoring learn of requests.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "corral/generation/generation_service.hpp"
#include "corral/telemetry/metrics.hpp"
#include "corral/telemetry/run_journal.hpp"

namespace corral::generation {

// Options that have no effect are named in the log once, so that they are not believed to work
// (docs/facts/ollama_wire.md#options).

// Names of what the client asked for that a runtime with that `honoured` sampling and that `context` (tokens;
// 0: unknown) does not do. REQUIRES: `request` was not completed from defaults.
[[nodiscard]] std::vector<std::string> ignored_by(const chat::generation_request& request,
                                                  std::span<const std::string_view> honoured,
                                                  std::uint32_t context);

class ignored_options {
public:
    // One line for each that is new for this model; bounded, since the names come from clients.
    void report(const std::string& model, const std::vector<std::string>& options);
    // Keywords of a format's schema that are not checked, likewise.
    void report_unchecked(const std::string& model, const std::set<std::string>& keywords);
    // Lines so far.
    [[nodiscard]] std::size_t reported() const noexcept { return known_.size(); }

private:
    std::set<std::pair<std::string, std::string>> known_;
};

// What log, journal and monitoring learn of one request: its shape, its times and its end, nothing of its text.

// How a request stands now.
struct request_summary {
    const chat::generation_request& request;
    const served_model* model = nullptr;  // nullptr: none is served by that name
    chat::generation_timings timings;
    chat::token_usage usage;
    unsigned tries = 0;
    unsigned format_tries = 0;
    prompt_cuts cuts;
    std::string_view start{};  // engine::run_progress::start of the last run
    telemetry::call_counts calls{};
};

class request_report {
public:
    request_report(telemetry::run_journal* journal, telemetry::metrics* metrics, bool log_content)
        : journal_(journal), metrics_(metrics), log_content_(log_content) {}

    // It has its turn on the instance `backend`; `served_by` is the same where the model has several tiers,
    // else empty. From the first turn on it is in the journal; its later tries are of the same record.
    void begin(const request_summary& now, std::string backend, std::string served_by,
               std::chrono::system_clock::time_point arrived);
    // A run begins.
    void note_run(const request_summary& now, const chat::rendered_prompt& prompt,
                  std::optional<std::uint32_t> max_tokens);
    void note_piece(const request_summary& now, core::steady_time at);
    // An abandoned request's runtime was idle again so long after.
    void note_idle_after(core::nanoseconds span) { idle_after_ = span; }
    [[nodiscard]] bool has_text() const noexcept { return first_text_after_.has_value(); }
    void note_finish(chat::finish_reason reason);
    void note_failure(const chat::failure& why);
    // After the end, once: one line of the log, the journal's record, the metrics.
    void close(const request_summary& now);

private:
    void log_line(const request_summary& now) const;
    void fill_journal(const request_summary& now) const;
    // Only words of the configuration and of this program: the name that a client gave to a model of its own
    // is not among them.
    void count_in_metrics(const request_summary& now) const;

    telemetry::run_journal* journal_;
    telemetry::metrics* metrics_;
    bool log_content_;
    std::shared_ptr<telemetry::run_journal::entry> entry_;  // from its turn on
    std::string backend_;                                   // of the last lease
    std::string served_by_;
    std::optional<core::nanoseconds> first_text_after_;  // of the last run
    std::optional<core::nanoseconds> idle_after_;
    const char* ended_as_ = "internal";  // for monitoring: a finish reason or a kind of failure
    std::string outcome_ = "none";
    bool ended_well_ = false;
    std::string why_;  // of a failure, one sentence for the log; empty where it may hold a client's words
};

}  // namespace corral::generation
