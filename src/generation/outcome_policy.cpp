#include "generation/outcome_policy.hpp"

#include <utility>

namespace corral::generation {

namespace {

fail_request failing(chat::failure_kind kind, chat::failure_cause cause, std::string message) {
    fail_request out;
    out.why.kind = kind;
    out.why.cause = cause;
    out.why.message = std::move(message);
    return out;
}

bool is_poisonous(const run_standing& standing, const retry_limits& limits) {
    return !standing.gone_out && standing.harm.losses >= limits.poisonous_after;
}

std::string what_it_did(const prompt_record& harm) {
    const std::string times = std::to_string(harm.deaths + harm.hangs) + " times";
    return harm.hangs == 0    ? "the model's program stopped " + times
           : harm.deaths == 0 ? "the model's program hung " + times
                              : "the model's program stopped or hung " + times;
}

fail_request poisonous(const run_standing& standing) {
    return failing(chat::failure_kind::runtime_failed, chat::failure_cause::poisonous,
                   what_it_did(standing.harm) +
                       " while it worked on this request, so the request is not tried again. Change it, or "
                       "ask the operator.");
}

bool may_run_again(const run_standing& standing, const retry_limits& limits) {
    return standing.tries - standing.refits < limits.max_tries && !standing.deadline_passed;
}

}  // namespace

std::optional<fail_request> before_run(const prompt_record& harm, const retry_limits& limits,
                                       core::steady_time now) {
    if (harm.losses < limits.poisonous_after) {
        return std::nullopt;
    }
    const auto left = std::chrono::ceil<std::chrono::minutes>(core::deadline(harm.until).left(now)).count();
    return failing(
        chat::failure_kind::unsupported, chat::failure_cause::quarantined,
        what_it_did(harm) + " while it worked on this prompt. It is refused for another " +
            std::to_string(left) +
            " min, so that the model stays there for everybody. Change the prompt, or have the model "
            "restarted by its operator.");
}

fail_request after_abandonment(const run_standing& standing) {
    if (standing.reader_gone) {
        return failing(chat::failure_kind::cancelled, chat::failure_cause::none, "the client has gone");
    }
    return failing(chat::failure_kind::shutting_down, chat::failure_cause::none,
                   "this server is shutting down; ask again in a while");
}

std::variant<run_again, fail_request> after_failure(const run_standing& standing, const retry_limits& limits,
                                                    const chat::failure& why) {
    if (is_poisonous(standing, limits)) {
        return poisonous(standing);
    }
    const bool too_long = why.kind == chat::failure_kind::context_too_long;
    const bool again = too_long ? standing.refits < limits.max_refits && !standing.deadline_passed
                                : may_run_again(standing, limits);
    if (!standing.gone_out && why.retryable && again) {
        return run_again{};
    }
    fail_request out{why};
    out.why.retryable = why.retryable && !too_long;
    return out;
}

end_of_run after_run(const run_standing& standing, const retry_limits& limits,
                     const engine::run_outcome& outcome) {
    if (standing.abandoned) {
        return after_abandonment(standing);
    }
    if (standing.judged) {
        return is_poisonous(standing, limits) ? end_of_run(poisonous(standing))
                                              : end_of_run(keep_judgement{});
    }
    switch (outcome.end) {
        case engine::run_end::failed:
            return std::visit(
                [](auto&& next) { return end_of_run(std::forward<decltype(next)>(next)); },
                after_failure(standing, limits, outcome.failure.value_or(engine::run_failure{})));
        case engine::run_end::cancelled:
            return failing(chat::failure_kind::internal, chat::failure_cause::run_cancelled,
                           "the answer was stopped without a reason; ask again");
        case engine::run_end::stop:
            return judge_answer{chat::finish_reason::stop};
        case engine::run_end::length:
            break;
    }
    return judge_answer{chat::finish_reason::length};
}

// A text that is no conversation has no place for a hint, so it is not asked again, nor is a title worth three runs.
end_of_answer after_answer(const run_standing& standing, const retry_limits& limits,
                           chat::finish_reason reason, std::optional<judged_answer> format,
                           const std::optional<std::string>& misfit) {
    if (misfit && may_run_again(standing, limits)) {
        return run_corrected{*misfit};
    }
    if (!format) {
        return finish_request{reason, {}};
    }
    format_verdict& verdict = format->verdict;
    if (verdict.fits) {
        const bool has_text = !verdict.text.empty();
        return finish_request{has_text ? chat::finish_reason::stop : reason, std::move(verdict.text)};
    }
    if (reason == chat::finish_reason::length) {
        return finish_request{reason, std::move(format->written)};
    }
    if (standing.may_be_corrected && may_run_again(standing, limits)) {
        return run_corrected{std::move(verdict.violation)};
    }
    const std::string tries = format->tries == 1 ? "1 try" : std::to_string(format->tries) + " tries";
    return failing(chat::failure_kind::format_unmet, chat::failure_cause::none,
                   "the model's answer does not keep to the requested format after " + tries + " (" +
                       verdict.violation + "); ask again, or ask for a simpler format");
}

}  // namespace corral::generation
