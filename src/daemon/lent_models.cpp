#include "lent_models.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

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

void lent_models::begin(const std::shared_ptr<loan>& of) {
    tasks_.spawn("loan", await_end(of));
}

core::awaitable<void> lent_models::await_end(std::shared_ptr<loan> of) {
    core::asio::steady_timer limit(tasks_.get_executor(), of->until);
    const auto overdue = std::make_shared<bool>(false);
    limit.async_wait([of, overdue](const core::error_code& cut) {
        if (!cut) {
            *overdue = true;
            core::error_code ignored;  // nothing to cancel is no failure
            of->its_end.cancel(ignored);
        }
    });
    const auto [error] = co_await of->its_end.async_wait(stream_descriptor::wait_read, core::as_result);
    if (error && !*overdue) {
        co_return;
    }
    for (const std::string& model : std::exchange(of->models, {})) {
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

}  // namespace corral::daemon
