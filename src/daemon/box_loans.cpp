// Verbs, and models that are stopped for as long as the process that asked runs.

#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "box_desk.hpp"
#include "corral/control/socket_file.hpp"
#include "corral/core/json_members.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::daemon {

using api::desk_json;

core::awaitable<desk_json> box_desk::ask(desk_json verb) {
    core::owned_fd asker = control::process_at(core::number_at<int>(verb, "asker_at").value_or(-1));
    auto asking = answer_admin(*of_.admin, std::move(verb));
    desk_json told = co_await std::move(asking);
    const bool lends = asker.valid();
    loans_ += lends ? 1 : 0;
    for (const desk_json& each : core::list_at(told, "models")) {
        const std::string model = each.get<std::string>();
        lent_.erase(model);  // the last verb counts
        if (lends) {
            lent_[model] = loans_;
        }
    }
    if (lends) {
        tasks_.spawn("loan", give_back(loans_, std::move(asker)));
    }
    co_return told;
}

// What 'corral bench --beside' had stopped, say, when it was killed.
core::awaitable<void> box_desk::give_back(std::uint64_t loan, core::owned_fd asker) {
    core::asio::posix::stream_descriptor its_end(tasks_.get_executor(), asker.release());
    const auto [error] =
        co_await its_end.async_wait(core::asio::posix::stream_descriptor::wait_read, core::as_result);
    if (error) {
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
            telemetry::log().info("model {}: started again, for the process that had it stopped has ended",
                                  model);
            admission.resume(model);
        }
    }
}

}  // namespace corral::daemon
