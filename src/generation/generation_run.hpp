#pragma once
// Carries one request to its one end: admission, rendering, runs and their retries. Lives in the service's
// task group, so the request's own coroutine can go at any time without cutting a run short. What the end of
// a run means is outcome_policy's to say; what log, journal and metrics learn of it is request_report's.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "corral/generation/generation_service.hpp"
#include "generation/answer_output.hpp"
#include "generation/context_fit.hpp"
#include "generation/early_judgement.hpp"
#include "generation/generation_state.hpp"
#include "generation/moving_lines.hpp"
#include "generation/outcome_policy.hpp"
#include "generation/prompt_blame.hpp"
#include "generation/prompt_cuts.hpp"
#include "generation/request_preparation.hpp"
#include "generation/request_report.hpp"
#include "generation/run_figures.hpp"
#include "generation/turn_summaries.hpp"

namespace corral::generation {

// Borrowed from the service; outlives its runs.
struct run_context {
    const core::clock_source* clock = nullptr;
    core::random_source* random = nullptr;
    scheduler::scheduler* admission = nullptr;
    const model_directory* models = nullptr;
    generation_options options;
    std::shared_ptr<ignored_options> ignored = std::make_shared<ignored_options>();
    std::shared_ptr<shortened_requests> shortened = std::make_shared<shortened_requests>();
    std::shared_ptr<prompt_quarantine> quarantine;
    std::shared_ptr<count_desk> counts;
    std::shared_ptr<turn_summaries> summaries;
    std::shared_ptr<moving_lines> lines = std::make_shared<moving_lines>(core::keyed_hash::random_key());
    std::shared_ptr<kept_budgets> kept = std::make_shared<kept_budgets>();
};

class generation_run final : public engine::run_sink {
public:
    generation_run(const run_context& context, chat::generation_request request, served model,
                   std::shared_ptr<generation_state> state);

    // The whole way; gives exactly one terminal event, whatever fails. A cancelled task abandons the request
    // and still waits for the runtime to be idle. REQUIRES: *this outlives the call.
    [[nodiscard]] core::awaitable<void> perform();
    // After it: the summary that the next turn of the conversation would read.
    [[nodiscard]] std::optional<summary_wish> take_wish();

    void on_text(std::string_view piece, const engine::run_progress& now) override;
    void on_logprobs(chat::token_logprobs tokens) override;

private:
    enum class verdict { over, again };
    // What preparation changes in a request, as it was.
    struct as_asked {
        chat::sampling sampling;
        chat::limits limits;
        chat::thinking_mode thinking = chat::thinking_mode::model_default;
        std::optional<std::vector<chat::message>> messages;  // where preparation adds some
    };

    [[nodiscard]] core::awaitable<void> steps();
    void move_lines();
    // For `model_`. False when the request has ended without needing a runtime.
    [[nodiscard]] core::awaitable<bool> prepare();
    // False when the request has ended, for it can't fit.
    [[nodiscard]] core::awaitable<bool> may_fit();
    [[nodiscard]] bool may_shorten() const;
    [[nodiscard]] bool sums_up() const;
    // As it was before it was prepared.
    void take_back();
    [[nodiscard]] std::size_t held_at(const engine::backend& at) const;
    // A long prompt is not kept for the time of its wait, in which the request holds what its body was charged for.
    void put_long_prompt_aside();
    [[nodiscard]] core::awaitable<bool> take_turn();
    // The lease is of another backend, or tier, than the one that was prepared for, or what was prepared was not kept:
    // prepares anew. False when the request has ended.
    [[nodiscard]] core::awaitable<bool> follow_model();
    [[nodiscard]] core::awaitable<verdict> attempt();
    [[nodiscard]] core::awaitable<fit_result> fit(engine::backend& runtime);
    // Tells a runtime that wants to know it what the next turn of this conversation would be.
    [[nodiscard]] core::awaitable<void> expect_next();
    [[nodiscard]] bool expects_next() const;
    [[nodiscard]] bool leaves_room() const;
    [[nodiscard]] bool knows_next() const;
    // Nothing: it is not known yet.
    [[nodiscard]] std::optional<bool> sends_thoughts() const;
    void note_cuts(const prompt_cuts& cuts);
    void begin_run(const chat::rendered_prompt& prompt);
    // Which part of the answer to that prompt the runtime is to hold to a wanted format.
    enum class held { nothing, whole, behind_thoughts };
    [[nodiscard]] held held_part(const chat::rendered_prompt& prompt) const;
    // The thoughts have ended, and what stands behind them is asked for anew, held to the format.
    void go_on_behind_thoughts();
    // Somebody waits for the runtime while it works for a job: the answer is gone on with later, from its own text.
    void give_way();
    [[nodiscard]] bool may_give_way() const;
    [[nodiscard]] bool gains_by_loads(core::nanoseconds loads, std::optional<std::uint32_t> most,
                                      std::uint32_t made) const;
    void forget_parts();
    [[nodiscard]] engine::run_spec make_spec(chat::rendered_prompt prompt) const;
    [[nodiscard]] core::deadline deadline() const;
    [[nodiscard]] std::size_t max_pending_bytes() const;
    // Fails a request whose answer takes more.
    void bound_what_waits();

    void push(std::vector<chat::generation_event> events);
    // What outcome_policy decides of.
    [[nodiscard]] run_standing standing() const;
    [[nodiscard]] retry_limits limits() const;
    // False when the request has ended, because its prompt is known to be deadly.
    [[nodiscard]] bool may_run(unsigned tier);
    void settle(const engine::run_outcome& outcome);
    void settle_failure(const chat::failure& why);
    void conclude(chat::finish_reason reason);
    // What it decided, performed.
    void carry_out(const run_again&, const chat::failure& why);
    void carry_out(run_corrected next);
    void carry_out(finish_request next);
    void carry_out(const fail_request& next);
    void finish(chat::finish_reason reason);
    // Retryable only where the client has nothing yet.
    void fail(chat::failure why);
    void end_with(chat::failure why);
    void fail(chat::failure_kind kind, core::reason message);

    void note_who_serves();
    void note_timings();
    void note_stages_so_far();
    [[nodiscard]] request_summary summary() const;

    run_context context_;
    chat::generation_request request_;
    std::shared_ptr<generation_state> state_;
    served model_;
    as_asked asked_;
    chat::render_options options_;
    std::optional<chat::rendered_prompt> prompt_;  // as prepared, until a run takes it
    std::vector<std::pair<const engine::backend*, std::size_t>> held_before_;  // of one that was put aside
    bool put_aside_ = false;                                                   // to be prepared again
    bool is_job_ = false;
    bool gave_way_ = false;                    // runs from then on go on with what the last wrote
    chat::thinking_mode thinking_of_whole_{};  // ... and don't think; this is how the first was asked
    std::optional<chat::forced_call> forced_;  // the answer has to be one
    left_out_turns unsummarised_;
    std::optional<settled_lines> lines_;     // of the system text
    std::vector<chat::message> correction_;  // the conversation of a next run, when the last did not fit
    bool will_go_on_ = false;                // the next run does so
    bool goes_on_ = false;                   // this one does, with those of the last
    unsigned parts_ = 0;                     // tries that were the first part of one
    std::optional<scheduler::lease> lease_;
    scheduler::model_hold stays_;
    engine::run_control* control_ = nullptr;  // of the run that goes on
    answer_output output_;
    run_figures figures_;
    unsigned tries_ = 0;
    unsigned refits_ = 0;  // of these, because the prompt was too long
    unsigned tier_ = 0;    // of the present lease
    prompt_blame blame_;
    bool settled_ = false;        // how this run ended is known
    bool judged_ = false;         // what it gave is judged; the rest of it is not wanted
    bool keeps_figures_ = false;  // its answer is thrown away, and its tokens count
    verdict verdict_ = verdict::over;
    request_report report_;
};

}  // namespace corral::generation
