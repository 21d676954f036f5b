// Verbs, and models that are stopped for as long as the process that asked runs.

#include <utility>

#include <fmt/format.h>

#include "box_desk.hpp"
#include "corral/control/socket_file.hpp"
#include "corral/core/json_members.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

using api::desk_json;

core::awaitable<desk_json> box_desk::ask(desk_json verb) {
    core::owned_fd asker = control::process_at(core::number_at<int>(verb, "asker_at").value_or(-1));
    const bool lends = asker.valid();
    const std::shared_ptr<lent_models::loan> loan = lends ? lent_.open(std::move(asker)) : nullptr;
    if (lends && loan == nullptr) {
        co_return control::admin_refusal(
            fmt::format("models are stopped for {} processes already, for as long as those run; end one, or "
                        "ask without \"while_asker_runs\"",
                        lent_models::most));
    }
    // At once, for the wait for it may end in a refusal, or with the asker.
    model_word decided = [this, loan, begun = false](const std::string& model) mutable {
        lent_.lend(model, loan);
        if (loan != nullptr && !std::exchange(begun, true)) {
            lent_.begin(loan);
        }
    };
    auto asking = answer_admin(*of_.admin, std::move(verb), std::move(decided));
    desk_json answer = co_await std::move(asking);
    co_return answer;
}

void box_desk::serve_again(const std::string& model, bool overdue) {
    scheduler::scheduler& admission = of_.admin->running->admission();
    if (admission.suspended(model)) {
        telemetry::log().info("model {}: started again, for the process that had it stopped {}", model,
                              overdue ? "has run for a day" : "has ended");
        admission.resume(model);
    }
}

}  // namespace corral::daemon
