#include "corral/generation/readiness.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "corral/core/say.hpp"

namespace corral::generation {

namespace {

int hope_of(engine::availability_state state) {
    switch (state) {
        case engine::availability_state::ready:
            return 3;
        case engine::availability_state::loading:
            return 2;
        case engine::availability_state::stopped:
            return 1;
        case engine::availability_state::broken:
            break;
    }
    return 0;
}

}  // namespace

engine::availability availability_of(const scheduler::scheduler& admission, std::string_view deployment) {
    engine::availability best;
    bool first = true;
    const std::vector<engine::backend*> all = admission.runtimes_of(deployment);
    for (const engine::backend* each : all) {
        engine::availability now = each->available();
        if (first || hope_of(now.state) > hope_of(best.state)) {
            best = std::move(now);
        }
        first = false;
    }
    return best;
}

std::uint32_t context_length_of(const served_model& model) {
    std::uint32_t stated = model.runtime->facts().context_length;
    for (const engine::backend* each : model.instances) {
        stated = std::max(stated, each->facts().context_length);
    }
    return stated;
}

namespace {

constexpr core::milliseconds look_interval{100};

chat::failed_event not_ready(chat::failure_kind kind, core::reason message,
                             std::optional<core::seconds> retry_after = {}) {
    chat::failed_event out;
    out.retry_after = retry_after;
    out.kind = kind;
    out.message = std::move(message);
    out.retryable = true;
    return out;
}

}  // namespace

core::awaitable<std::optional<chat::failed_event>> wait_ready(std::string model,
                                                              scheduler::scheduler& admission,
                                                              core::nanoseconds longest) {
    const core::deadline until = core::deadline::after(longest, std::chrono::steady_clock::now());
    scheduler::model_hold stays;
    const engine::backend* held = nullptr;
    while (true) {
        if (admission.refuses_new()) {
            co_return not_ready(chat::failure_kind::shutting_down, core::say("request.shutting-down"));
        }
        // Meanwhile another may have taken its place.
        engine::backend* const present = admission.runtime_of(model);
        if (present == nullptr) {
            co_return not_ready(chat::failure_kind::unavailable, core::say("request.removed/model"));
        }
        if (admission.suspended(model)) {
            co_return not_ready(chat::failure_kind::unavailable, scheduler::suspension_text(model));
        }
        if (present != held) {
            held = present;
            stays = admission.hold(model);
        }
        const scheduler::model_queue queue = admission.queue_of(model);
        if (queue.impossible) {
            co_return not_ready(chat::failure_kind::unavailable, queue.why);
        }
        const engine::availability now = availability_of(admission, model);
        if (now.state == engine::availability_state::ready) {
            co_return std::nullopt;
        }
        if (now.state == engine::availability_state::broken) {
            co_return not_ready(
                chat::failure_kind::unavailable, engine::absence(admission.runtimes_of(model), now.reason),
                engine::until_next_try(admission.runtimes_of(model), std::chrono::steady_clock::now()));
        }
        // Only the first one's bell is heard; the others are looked at now and then.
        const bool alone = admission.runtimes_of(model).size() == 1;
        const core::deadline next =
            alone ? until
                  : core::deadline::after(look_interval, std::chrono::steady_clock::now()).sooner(until);
        const core::wake_reason reason = co_await present->availability_changed().wait(next);
        if (reason == core::wake_reason::timed_out && until.passed(std::chrono::steady_clock::now())) {
            co_return not_ready(
                chat::failure_kind::timed_out, core::say("request.not-ready-in-time"),
                engine::until_next_try(admission.runtimes_of(model), std::chrono::steady_clock::now()));
        }
        if (reason == core::wake_reason::cancelled) {
            co_return not_ready(chat::failure_kind::cancelled, core::say("request.vectors-cancelled/client"));
        }
    }
}

}  // namespace corral::generation
