#include "generation/outcome_policy.hpp"

#include <algorithm>
#include <utility>

#include "corral/core/say.hpp"

namespace corral::generation {

namespace {

fail_request failing(chat::failure_kind kind, core::reason message) {
    fail_request out;
    out.why.kind = kind;
    out.why.message = std::move(message);
    return out;
}

bool is_poisonous(const run_standing& standing, const retry_limits& limits) {
    return !standing.gone_out && standing.harm.losses >= limits.poisonous_after;
}

core::reason what_it_did(const prompt_record& harm) {
    const auto times = harm.deaths + harm.hangs;
    return harm.hangs == 0    ? core::say("request.deadly/stopped", times)
           : harm.deaths == 0 ? core::say("request.deadly/hung", times)
                              : core::say("request.deadly/both", times);
}

fail_request poisonous(const run_standing& standing) {
    return failing(chat::failure_kind::runtime_failed,
                   core::say("request.deadly", what_it_did(standing.harm)));
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
    return failing(chat::failure_kind::unsupported,
                   core::say("request.quarantined", what_it_did(harm), left));
}

bool gives_way(const waited_for& now) {
    if (now.parts >= most_parts || (now.most && now.generated >= *now.most)) {
        return false;
    }
    if (now.loads <= core::nanoseconds{0}) {
        return true;
    }
    const double rest =
        now.most ? core::as_seconds(now.decode) * (*now.most - now.generated) / std::max(now.generated, 1U)
                 : 0.0;
    return now.left / 2 > now.loads && (!now.most || rest > core::as_seconds(now.loads));
}

fail_request after_abandonment(const run_standing& standing) {
    if (standing.reader_gone) {
        return failing(chat::failure_kind::cancelled, core::say("request.vectors-cancelled/client"));
    }
    return failing(chat::failure_kind::shutting_down, core::say("request.shutting-down"));
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
            return failing(chat::failure_kind::internal, core::say("request.stopped-unasked"));
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
    return failing(chat::failure_kind::format_unmet,
                   core::say("request.format-missed", tries, verdict.violation));
}

}  // namespace corral::generation
