// Verbs, and models that are stopped for as long as the process that asked runs.

#include "lent_models.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "box_desk.hpp"
#include "corral/control/socket_file.hpp"
#include "corral/core/json_members.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

using core::asio::posix::stream_descriptor;

struct lent_models::loan {
    loan(const core::executor& on, core::owned_fd asker, core::steady_time overdue)
        : its_end(on, asker.release()), until(overdue) {}
    stream_descriptor its_end;
    core::steady_time until;
    std::set<std::string> models;
};

std::vector<std::shared_ptr<lent_models::loan>> lent_models::all() const {
    std::vector<std::shared_ptr<loan>> out;
    for (const std::weak_ptr<loan>& each : loans_) {
        if (auto lives = each.lock()) {
            out.push_back(std::move(lives));
        }
    }
    return out;
}

std::shared_ptr<lent_models::loan> lent_models::open(core::owned_fd asker, core::steady_time until) {
    std::erase_if(loans_, [](const std::weak_ptr<loan>& each) { return each.expired(); });
    if (loans_.size() >= most) {
        return nullptr;
    }
    const core::steady_time latest = core::later(std::chrono::steady_clock::now(), longest_);
    auto fresh = std::make_shared<loan>(tasks_.get_executor(), std::move(asker), std::min(until, latest));
    loans_.push_back(fresh);
    return fresh;
}

void lent_models::lend(const std::string& model, const std::shared_ptr<loan>& to) {
    for (const std::shared_ptr<loan>& each : all()) {
        each->models.erase(model);
    }
    if (to != nullptr) {
        to->models.insert(model);
    }
}

void lent_models::begin(const std::shared_ptr<loan>& lent) {
    tasks_.spawn("loan", await_end(lent));
}

core::awaitable<void> lent_models::await_end(std::shared_ptr<loan> lent) {
    core::asio::steady_timer limit(tasks_.get_executor(), lent->until);
    const auto overdue = std::make_shared<bool>(false);
    limit.async_wait([lent, overdue](const core::error_code& cut) {
        if (!cut) {
            *overdue = true;
            core::error_code ignored;  // nothing to cancel is no failure
            lent->its_end.cancel(ignored);
        }
    });
    const auto [error] = co_await lent->its_end.async_wait(stream_descriptor::wait_read, core::as_result);
    if (error && !*overdue) {
        co_return;
    }
    for (const std::string& model : std::exchange(lent->models, {})) {
        returned_(model, *overdue);
    }
}

std::vector<upgrade::loan_handover> lent_models::hand_over() const {
    std::vector<upgrade::loan_handover> out;
    for (const std::shared_ptr<loan>& each : all()) {
        if (!each->models.empty()) {
            out.push_back({each->its_end.native_handle(), each->models, each->until});
        }
    }
    return out;
}

void lent_models::go_on_with(const std::vector<upgrade::loan_handover>& before) {
    for (const upgrade::loan_handover& each : before) {
        if (const auto fresh = open(core::owned_fd(each.asker), each.until)) {
            fresh->models = each.models;
            begin(fresh);
        }
    }
}

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
    auto asking = answer_admin(*parts_.admin, std::move(verb), std::move(decided));
    desk_json answer = co_await std::move(asking);
    co_return answer;
}

void box_desk::serve_again(const std::string& model, bool overdue) {
    scheduler::scheduler& admission = parts_.admin->running->admission();
    if (admission.suspended(model)) {
        telemetry::log().info("model {}: started again, since the process that had it stopped {}", model,
                              overdue ? "has run for a day" : "has ended");
        admission.resume(model);
    }
}

}  // namespace corral::daemon
