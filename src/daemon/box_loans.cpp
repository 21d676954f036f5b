// Verbs, and models that are stopped for as long as the process that asked runs.

#include <utility>

#include <fmt/format.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "box_desk.hpp"
#include "corral/control/socket_file.hpp"
#include "corral/core/json_members.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

using api::desk_json;

namespace {

constexpr long most_askers = 16;
constexpr core::seconds longest_loan{24 * 3600};

}  // namespace

core::awaitable<desk_json> box_desk::ask(desk_json verb) {
    core::owned_fd asker = control::process_at(core::number_at<int>(verb, "asker_at").value_or(-1));
    const bool lends = asker.valid();
    const std::shared_ptr<const void> counted = lends ? askers_ : nullptr;
    if (askers_.use_count() - 1 > most_askers) {
        co_return control::admin_refusal(
            fmt::format("models are stopped for {} processes already, for as long as those run; end one, or "
                        "ask without \"while_asker_runs\"",
                        most_askers));
    }
    auto asking = answer_admin(*of_.admin, std::move(verb));
    desk_json told = co_await std::move(asking);
    loans_ += lends ? 1 : 0;
    for (const desk_json& each : core::list_at(told, "models")) {
        const std::string model = each.get<std::string>();
        lent_.erase(model);  // the last verb counts
        if (lends) {
            lent_[model] = loans_;
        }
    }
    if (lends) {
        tasks_.spawn("loan", give_back(loans_, std::move(asker), counted));
    }
    co_return told;
}

// What 'corral bench --beside' had stopped, say, when it was killed.
core::awaitable<void> box_desk::give_back(std::uint64_t loan, core::owned_fd asker,
                                          std::shared_ptr<const void> /*counted*/) {
    using core::asio::posix::stream_descriptor;
    const auto its_end = std::make_shared<stream_descriptor>(tasks_.get_executor(), asker.release());
    const core::deadline until = core::deadline::after(longest_loan, clock_.now());
    core::asio::steady_timer overdue(tasks_.get_executor(), until.at());
    overdue.async_wait([its_end](const core::error_code& over) {
        if (!over) {
            core::error_code ignored;  // nothing to cancel is no failure
            its_end->cancel(ignored);
        }
    });
    const auto [error] = co_await its_end->async_wait(stream_descriptor::wait_read, core::as_result);
    if (error && !until.passed(clock_.now())) {
        co_return;
    }
    std::vector<std::string> models;
    for (const auto& [model, of] : lent_) {
        if (of == loan) {
            models.push_back(model);
        }
    }
    scheduler::scheduler& admission = of_.admin->running->admission();
    for (const std::string& model : models) {
        lent_.erase(model);
        if (admission.suspended(model)) {
            telemetry::log().info("model {}: started again, for the process that had it stopped {}", model,
                                  error ? "has run for a day" : "has ended");
            admission.resume(model);
        }
    }
}

}  // namespace corral::daemon
