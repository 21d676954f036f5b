#pragma once
// Carries one request to its one end: admission, rendering, runs and their retries. Lives in the service's
// task group, so the request's own coroutine can go at any time without cutting a run short.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "corral/chat/output_filter.hpp"
#include "corral/generation/generation_service.hpp"
#include "corral/telemetry/run_journal.hpp"
#include "generation/context_fit.hpp"
#include "generation/format_gate.hpp"
#include "generation/generation_state.hpp"
#include "generation/ignored_options.hpp"
#include "generation/request_preparation.hpp"
#include "generation/run_figures.hpp"

namespace corral::generation {

// Borrowed from the service; outlives its runs.
struct run_context {
    const core::clock_source* clock = nullptr;
    core::random_source* random = nullptr;
    scheduler::scheduler* admission = nullptr;
    const model_directory* models = nullptr;
    generation_options options;
    std::shared_ptr<ignored_options> ignored = std::make_shared<ignored_options>();
};

class generation_run final : public engine::run_sink {
public:
    generation_run(const run_context& with, chat::generation_request what,
                   std::shared_ptr<generation_state> to);

    // The whole way; gives exactly one terminal event, whatever fails. A cancelled task abandons the request
    // and still waits for the runtime to be idle. REQUIRES: *this outlives the call.
    [[nodiscard]] core::awaitable<void> perform();

    void on_text(std::string_view piece, const engine::run_progress& now) override;

private:
    enum class verdict { over, again };
    // What preparation changes in a request, as it was.
    struct as_asked {
        chat::sampling sampling;
        chat::limits limits;
        std::optional<std::vector<chat::message>> messages;  // where preparation adds some
    };

    [[nodiscard]] core::awaitable<void> steps();
    // For the tier that `on` is of; nullptr: for the first. False when the request has ended without needing
    // a runtime.
    [[nodiscard]] bool prepare(const engine::backend* on);
    [[nodiscard]] core::awaitable<bool> take_turn();
    // The lease is of another backend, or tier, than the one that was prepared for: prepares anew. False when
    // the request has ended.
    [[nodiscard]] bool follow_model();
    [[nodiscard]] core::awaitable<verdict> attempt();
    [[nodiscard]] core::awaitable<fit_result> fit(engine::backend& runtime);
    void begin_run(const chat::rendered_prompt& prompt);
    [[nodiscard]] engine::run_spec make_spec(chat::rendered_prompt prompt) const;
    [[nodiscard]] core::deadline deadline() const;
    // Something of the answer is where it can't be taken back.
    [[nodiscard]] bool gone_out() const;
    [[nodiscard]] bool may_run_again() const;

    void push(std::vector<chat::generation_event> events);
    void settle(const engine::run_outcome& outcome);
    void settle_failure(const engine::run_failure& why);
    [[nodiscard]] bool refuse_poisonous();
    void conclude(chat::finish_reason reason);
    void settle_violation(const std::string& violation);
    void finish(chat::finish_reason reason);
    void fail(const engine::run_failure& why);
    void fail(chat::failure_kind kind, std::string cause, std::string message);
    void fail_as_cancelled();
    [[nodiscard]] std::size_t max_pending_bytes() const;
    void note_who_serves();
    void log_line() const;
    // For the journal (generation_run_journal.cpp).
    void open_journal();
    void note_run(const chat::rendered_prompt& prompt);
    void fill_journal() const;
    void close_journal();
    // For monitoring (generation_run_metrics.cpp).
    void count_in_metrics() const;
    void note_timings();
    void note_stages_so_far();

    run_context with_;
    chat::generation_request request_;
    std::shared_ptr<generation_state> to_;
    served model_;
    as_asked asked_;
    chat::render_options how_;
    std::optional<format_gate> gate_;        // there is a wanted format
    std::vector<chat::message> correction_;  // the conversation of a next run, when the last did not fit
    std::optional<scheduler::lease> lease_;
    scheduler::model_hold stays_;
    engine::run_control* control_ = nullptr;  // of the run that goes on
    std::optional<chat::output_filter> filter_;
    run_figures figures_;
    unsigned tries_ = 0;
    unsigned deaths_ = 0;
    bool settled_ = false;    // how this run ended is known
    bool concluded_ = false;  // what it gave is judged; the rest of it is not wanted
    bool unmet_ = false;      // it did not keep to the format, and another run follows
    verdict verdict_ = verdict::over;
    std::string outcome_ = "none";
    std::string by_;  // the set of processes that had it last, where the model has several tiers
    const char* ended_as_ = "internal";  // for monitoring: a finish reason or a kind of failure
    bool ended_well_ = false;
    std::string backend_label_;  // of the last lease
    std::optional<core::nanoseconds> first_text_after_;
    std::optional<core::nanoseconds> idle_after_;
    std::string why_;  // of a failure, one sentence for the log; empty where it may hold a client's words
    std::string last_death_;                                // of the runtime, while it worked on this request
    std::shared_ptr<telemetry::run_journal::entry> entry_;  // from its turn on
};

}  // namespace corral::generation
