#pragma once
// What scheduler.cpp (requests and leases) and scheduler_models.cpp (models that come, go and rest) share.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "corral/core/wake_signal.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "scheduler/queue_policy.hpp"
#include "scheduler/residency_runner.hpp"

namespace corral::scheduler {

struct scheduler::impl {
    // A backend while the scheduler knows it, and until its last lease is over.
    struct hosted {
        engine::backend* backend = nullptr;
        std::shared_ptr<residency_runner> residency;
        std::size_t leases = 0;  // granted and not given back
        bool suspended = false;
        bool admitted = true;
        bool gone = false;  // removed or replaced
    };
    // One coroutine inside acquire().
    struct waiter {
        explicit waiter(const core::executor& on) : bell(on) {}
        core::wake_signal bell;
        std::optional<decision> told;
        std::shared_ptr<hosted> at;  // what it waits for, or was granted; nullptr: there is no such model
        bool admitted = false;       // it is counted among those who need the model
    };

    impl(core::executor executor, const core::clock_source& time, scheduler_options with)
        : on(std::move(executor)),
          clock(time),
          options(with),
          policy(options.max_queue),
          idle(on),
          given_back(on) {}

    [[nodiscard]] std::shared_ptr<hosted> find(std::string_view model) const {
        const auto found = runtimes.find(std::string(model));
        return found == runtimes.end() ? nullptr : found->second;
    }
    // nullptr: no such model.
    [[nodiscard]] residency_runner* residency_of(std::string_view model) const {
        const auto found = runtimes.find(std::string(model));
        return found == runtimes.end() ? nullptr : found->second->residency.get();
    }
    // The backend's word counts at the moment of each decision; the watcher's wake-up may still be on its
    // way.
    void refresh(const std::string& model);
    void apply(const std::vector<decision>& decisions);
    void release(ticket_id id, const std::string& model, hosted& at);
    // The ticket waits or runs, so its model is needed; on_queued hears where it waits.
    void note_arrival(ticket_id id, const admission_request& who, bool waits);
    // Ends everything of `which` but its leases.
    void give_back(const std::shared_ptr<hosted>& which);
    [[nodiscard]] bool leased(const engine::backend* which) const;

    core::executor on;
    const core::clock_source& clock;
    scheduler_options options;
    queue_policy policy;
    core::wake_signal idle;
    core::wake_signal given_back;  // the last lease on some backend
    std::unordered_map<std::string, std::shared_ptr<hosted>> runtimes;
    std::vector<std::shared_ptr<hosted>> gone;  // with leases still out
    std::unordered_map<ticket_id, waiter*> waiters;
    std::unordered_map<ticket_id, core::deadline> due;  // of the leases that are out
    std::uint64_t last_ticket = 0;
    std::uint64_t granted = 0;
    bool over = false;
};

}  // namespace corral::scheduler
