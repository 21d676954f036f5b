#pragma once
// A group whose services do what a test says, without a process.

#include <deque>
#include <string>
#include <vector>

#include "corral/supervisor/group.hpp"
#include "corral/supervisor/handover.hpp"

namespace corral::supervisor {

class scripted_group final : public supervisor::group {
public:
    explicit scripted_group(std::string name) : name_(std::move(name)) {
        supervisor::service_status runtime;
        runtime.name = "runtime";
        services.push_back(runtime);
    }

    // One step of the service, told to whoever watches.
    void move(supervisor::service_state to, supervisor::trouble what, const std::string& reason) {
        supervisor::transition_record record;
        record.number = ++steps_;
        record.time = std::chrono::system_clock::now();
        record.at = std::chrono::steady_clock::now();
        record.service = "runtime";
        record.from = services[0].state;
        record.to = to;
        record.event = "exited";
        record.reason = core::reason::unlisted(reason);
        record.advice = "look there";
        record.pid = 42;
        record.failure = what;
        steps.push_back(record);
        services[0].state = to;
        services[0].reason = core::reason::unlisted(reason);
        const auto present = observers;
        for (supervisor::group_observer* hears : present) {
            hears->on_status(services[0]);
        }
    }

    const std::string& name() const noexcept override { return name_; }
    std::vector<supervisor::service_status> status() const override { return services; }
    bool ready() const noexcept override { return services[0].state == supervisor::service_state::ready; }
    bool wanted() const noexcept override { return is_wanted; }
    core::awaitable<core::result<void>> wait_ready(core::deadline) override {
        co_return core::result<void>{};
    }
    void restart(std::string_view, core::reason, supervisor::restart_reason) override {}
    std::optional<supervisor::group_handover> hand_over() const override { return std::nullopt; }
    void start() override {}
    core::awaitable<bool> stop(core::deadline) override { co_return true; }
    void add_observer(supervisor::group_observer* hears) override { observers.push_back(hears); }
    void remove_observer(supervisor::group_observer* hears) override { std::erase(observers, hears); }
    std::deque<supervisor::transition_record> history() const override { return steps; }
    std::deque<std::string> recent_lines(std::string_view) const override { return lines; }

    bool is_wanted = true;
    std::vector<supervisor::service_status> services;
    std::deque<supervisor::transition_record> steps;
    std::deque<std::string> lines;
    std::vector<supervisor::group_observer*> observers;

private:
    std::string name_;
    std::uint64_t steps_ = 0;
};

}  // namespace corral::supervisor
