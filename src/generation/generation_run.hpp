#pragma once
// Carries one request to its one end: admission, rendering, runs and their retries. Lives in the service's
// task group, so the request's own coroutine can go at any time without cutting a run short. What the end of
// a run means is outcome_policy's to say, how the request is asked of its model model_request's, what a next run reads
// run_course's; what log, journal and metrics learn of it is request_report's.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "corral/generation/generation_service.hpp"
#include "generation/answer_output.hpp"
#include "generation/context_fit.hpp"
#include "generation/early_judgement.hpp"
#include "generation/generation_state.hpp"
#include "generation/model_request.hpp"
#include "generation/moving_lines.hpp"
#include "generation/outcome_policy.hpp"
#include "generation/prompt_blame.hpp"
#include "generation/prompt_cuts.hpp"
#include "generation/request_report.hpp"
#include "generation/run_course.hpp"
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
    // Each step may end the request.
    [[nodiscard]] core::awaitable<void> steps();
    // For `model_`.
    [[nodiscard]] core::awaitable<void> prepare();
    // Whether it can fit: found while others run, so that no request waits only to be refused.
    [[nodiscard]] core::awaitable<void> judge_early();
    // What its prompt did to runtimes of that tier, from now on the one that serves.
    void judge_harm(unsigned tier);
    [[nodiscard]] core::awaitable<void> take_turn();
    // The lease is of another backend, or tier, than the one that was prepared for, or what was prepared was not kept:
    // prepares anew.
    [[nodiscard]] core::awaitable<void> follow_model();
    [[nodiscard]] core::awaitable<void> attempt();
    [[nodiscard]] core::awaitable<fit_result> fit();
    [[nodiscard]] core::awaitable<fit_result> fit_whole(const chat::render_options& how,
                                                        const chat::generation_request& request,
                                                        std::optional<chat::rendered_prompt> first,
                                                        core::deadline until);
    void note_cuts(const prompt_cuts& cuts);
    // Tells a runtime that wants to know it what the next turn of this conversation would be.
    [[nodiscard]] core::awaitable<void> expect_next();
    [[nodiscard]] bool expects_next() const;
    [[nodiscard]] core::deadline deadline() const;

    // The answer so far is gone on with by the next run: what stands behind its thoughts is asked for anew, held to the
    // format; or somebody waits for the runtime while it works for a job.
    void go_on_behind_thoughts();
    void give_way();
    [[nodiscard]] bool may_give_way() const;
    // As far as its request tells.
    [[nodiscard]] bool yields() const;
    // Nothing of its parts has gone out, and the next run begins with the first.
    void forget_parts();
    // Fails a request whose answer takes more.
    void bound_what_waits();

    // What outcome_policy decides of.
    [[nodiscard]] run_standing standing() const;
    [[nodiscard]] retry_limits limits() const;
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

    void note_who_serves();
    void note_timings();
    [[nodiscard]] request_summary summary() const;

    run_context context_;
    model_request request_;
    std::shared_ptr<generation_state> state_;
    served model_;
    run_course course_;
    std::optional<scheduler::lease> lease_;
    scheduler::model_hold stays_;
    answer_output output_;
    run_figures figures_;
    prompt_blame blame_;
    left_out_turns unsummarised_;
    request_report report_;
};

}  // namespace corral::generation
