#pragma once
// Those who ask the box. What becomes of a request whose run is lost, what a deadly prompt is refused for, and when a
// runtime that has become slower is renewed, is decided by Corral's policies.

#include <deque>
#include <optional>

#include "engine/decay_policy.hpp"
#include "generation/outcome_policy.hpp"
#include "generation/prompt_quarantine.hpp"
#include "year/box.hpp"

namespace corral::year {

class clients {
public:
    // All are borrowed.
    clients(const box_plan& plan, timeline& time, box& at, figures& out);
    clients(const clients&) = delete;
    clients& operator=(const clients&) = delete;

    void begin();
    // A program asks what kills the runtime, again and again.
    void begin_deadly_job(core::nanoseconds span);
    void on_change();
    [[nodiscard]] bool busy() const noexcept { return running_.has_value(); }

private:
    struct request {
        generation::prompt_mark prompt = 0;
        bool deadly = false;
        bool streams = false;
        double tokens = 0;
        core::steady_time arrived;
        core::steady_time until;
        generation::run_standing standing;
        generation::prompt_quarantine own{{}};
    };
    void repeat_deadly_job(generation::prompt_mark prompt, core::nanoseconds pause, core::steady_time end);
    void ask(request what);
    void next();
    void lost();
    void answered();
    void fails(const request& what);
    void renew_when_idle();
    void renew();
    [[nodiscard]] bool is_refused(const request& what);
    [[nodiscard]] double seconds_a_token() const;

    const box_plan& plan_;
    timeline& time_;
    box& box_;
    figures& out_;
    dice dice_;
    std::deque<request> waiting_;
    std::optional<request> running_;
    std::uint64_t run_ = 0;     // number of the one that runs
    std::uint64_t server_ = 0;  // process that it runs in
    core::steady_time began_;
    core::steady_time last_;  // somebody was inside
    std::uint64_t prompts_ = 0;
    generation::prompt_quarantine quarantine_;
    engine::decay_policy decay_;
    std::uint64_t judged_ = 0;  // process that `decay_` knows
    core::steady_time young_;   // since when that one serves
    double tokens_ = 0;         // that it has made
    bool renewing_ = false;
    bool was_powered_ = true;
};

}  // namespace corral::year
