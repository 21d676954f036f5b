// What ends a run early, told apart and named.
#include <utility>

#include "corral/telemetry/log.hpp"
#include "engine/dialects/ax_poll/context_policy.hpp"
#include "engine/dialects/ax_poll/cycle_runner.hpp"
#include "engine/loss_text.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds death_notice =
    2s;  // a broken connection comes before the report of the process's end

core::steady_time plus(core::steady_time at, core::nanoseconds by) {
    return at + std::chrono::duration_cast<core::steady_time::duration>(by);
}

}  // namespace

cycle_runner::verdict cycle_runner::fail(run_state& now, chat::failure_kind kind, const char* cause,
                                         std::string message) const {
    run_failure what;
    what.kind = kind;
    what.cause = cause;
    what.message = std::move(message);
    what.retryable = kind != chat::failure_kind::timed_out && kind != chat::failure_kind::context_too_long &&
                     kind != chat::failure_kind::bad_request && kind != chat::failure_kind::unsupported;
    now.failure = std::move(what);
    return verdict::failed;
}

cycle_runner::verdict cycle_runner::fail_and_restart(run_state& now, const char* cause,
                                                     std::string message) const {
    now.restart_cause = message;
    return fail(now, chat::failure_kind::runtime_failed, cause, with_restart(std::move(message)));
}

cycle_runner::verdict cycle_runner::context_full(run_state& now, std::uint32_t prompt_tokens) const {
    const catalog::context_sizes sizes = parts_.sizes();
    std::string message = "The prompt does not fit into the model's context";
    if (prompt_tokens > 0 && known(sizes)) {
        message += ": it has " + std::to_string(prompt_tokens) + " tokens and at most " +
                   std::to_string(sizes.prompt_limit) + " can be taken, in whole blocks of " +
                   std::to_string(sizes.chunk);
    }
    return fail(now, chat::failure_kind::context_too_long, "context-full", message + ".");
}

cycle_runner::verdict cycle_runner::foreign_ids(run_state& now) const {
    const verdict end =
        fail(now, chat::failure_kind::runtime_failed, "tokenizer-foreign-ids",
             "The tokenizer service gave token ids that the model does not have: its files belong to another "
             "model.");
    now.failure->retryable = false;
    return end;
}

cycle_runner::early cycle_runner::interrupted(run_state& now) const {
    if (now.control->cancelled()) {
        return verdict::cancelled;
    }
    const service_watch::loss lost = parts_.watch->since(now.began);
    if (lost != service_watch::loss::none) {
        return on_loss(now, lost);
    }
    if (now.what.until.passed(clock_now())) {
        return fail(now, chat::failure_kind::timed_out, "deadline", "The request took longer than it may.");
    }
    return std::nullopt;
}

cycle_runner::early cycle_runner::on_loss(run_state& now, service_watch::loss lost) const {
    if (lost == service_watch::loss::stopping) {
        return fail(now, chat::failure_kind::unavailable, "stopping", "The runtime is being stopped.");
    }
    if (lost == service_watch::loss::tokenizer) {
        return fail(now, chat::failure_kind::runtime_failed, "tokenizer-died",
                    ended_text("The tokenizer service", parts_.watch->tokenizer()));
    }
    const verdict end = fail(now, chat::failure_kind::runtime_failed, "runtime-died",
                             ended_text("The runtime", parts_.watch->runtime()));
    now.failure->blames_request = now.prompt_inside;
    return end;
}

core::awaitable<cycle_runner::verdict> cycle_runner::call_failed(run_state& now, core::failure why,
                                                                 const char* call) {
    const bool silent = why.code == core::make_error_code(core::errc::timed_out);
    const core::steady_time patience = plus(clock_now(), death_notice);
    while (!silent && clock_now() < patience) {
        const service_watch::loss lost = parts_.watch->since(now.began);
        if (lost != service_watch::loss::none) {
            const early end = on_loss(now, lost);
            co_return *end;
        }
        if (now.control->cancelled()) {
            co_return verdict::cancelled;
        }
        co_await rest(now.control, patience);
    }
    telemetry::log().warn("run {}: {} failed: {}", now.what.id, call, why.message);
    if (silent) {
        co_return hung(now, call);
    }
    co_return fail(now, chat::failure_kind::runtime_failed, "call-failed",
                   std::string("The runtime did not answer ") + call + " whole.");
}

}  // namespace corral::engine::ax_poll
