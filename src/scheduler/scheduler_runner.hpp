#pragma once
// Performs what scheduler_core orders: wakes those who wait, starts and stops backends, keeps the time. Every
// event goes through one queue, so that what a backend does while an order is performed counts after it.

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "corral/core/event_queue.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "corral/telemetry/log.hpp"
#include "scheduler/scheduler_core.hpp"

namespace corral::scheduler {

struct scheduler::impl : std::enable_shared_from_this<impl> {
    // One coroutine inside acquire(). However that ends, its ticket leaves the queue or its grant is handed on.
    class waiter {
    public:
        // `who` is borrowed.
        waiter(std::shared_ptr<impl> of, const admission_request& who)
            : of_(std::move(of)), id_{++of_->last_id}, bell_(of_->on), who_(who), since_(of_->clock.now()) {
            of_->waiters.emplace(id_, this);
        }
        waiter(const waiter&) = delete;
        waiter& operator=(const waiter&) = delete;
        ~waiter() {
            of_->waiters.erase(id_);
            if (!outcome_) {
                of_->post(event::withdrawn{id_});
            } else if (at_ != nullptr) {
                of_->post(event::released{id_});
            }
        }
        void decide(const decision& what, engine::backend* at) {
            outcome_ = what;
            at_ = at;
            bell_.ring();
        }
        [[nodiscard]] ticket_id id() const noexcept { return id_; }
        [[nodiscard]] core::wake_signal& bell() noexcept { return bell_; }
        [[nodiscard]] const std::optional<decision>& outcome() const noexcept { return outcome_; }
        // What it was granted, until it is handed on; nullptr: nothing.
        [[nodiscard]] engine::backend* at() const noexcept { return at_; }
        void hand_on() noexcept { at_ = nullptr; }
        [[nodiscard]] std::size_t held(const engine::backend& at) const {
            return who_.held ? who_.held(at) : 0;
        }
        [[nodiscard]] const admission_request& who() const noexcept { return who_; }
        [[nodiscard]] core::steady_time since() const noexcept { return since_; }

    private:
        std::shared_ptr<impl> of_;
        ticket_id id_;
        core::wake_signal bell_;
        std::optional<decision> outcome_;
        engine::backend* at_ = nullptr;
        const admission_request& who_;
        core::steady_time since_;
    };

    impl(core::executor executor, const core::clock_source& time, scheduler_options with)
        : on(std::move(executor)),
          clock(time),
          core(std::move(with)),
          events([this](const scheduler_event& what) { handle(what); }),
          tasks(on,
                [](const std::string& task, const std::string& what) {
                    telemetry::error(core::say("daemon.fault/scheduler", task, what));
                }),
          lease_over(on),
          look_bell(on) {
        core.ask_held([this](ticket_id who, instance_id where) { return held_of(who, where); },
                      [this](instance_id where) {
                          const auto at = hosted.find(where);
                          return at == hosted.end() ? core::nanoseconds{0} : at->second->held_saving();
                      });
    }

    // After the end of the scheduler nothing happens any more.
    void post(scheduler_event what) {
        if (!over) {
            events.post(std::move(what));
        }
    }
    void handle(const scheduler_event& what);
    void perform(const decision& one);
    void perform(const effect::load& one);
    void perform(const effect::unload& one);
    void perform(const effect::notify& one) {
        if (const auto found = hosted.find(one.which); found != hosted.end()) {
            found->second->availability_changed().ring();
        }
    }
    void perform(const effect::log& one) {
        one.warning ? telemetry::warn(telemetry::line_id::of(one.id), "{}", one.text)
                    : telemetry::log().info("{}", one.text);
    }
    void add(std::string_view model, const std::vector<engine::backend*>& backends, bool instead);
    void forget_leavers();
    [[nodiscard]] instance_reading reading_of(instance_id id, const engine::backend& backend) const;
    [[nodiscard]] bool leased(const engine::backend* which) const;
    // Nothing: it does not wait any more.
    [[nodiscard]] std::optional<queue_place> place_of(const waiter& one) const;
    [[nodiscard]] std::size_t held_of(ticket_id who, instance_id where) const;
    [[nodiscard]] engine::backend& backend_of(const instance& one) const { return *hosted.at(one.facts.id); }
    [[nodiscard]] std::vector<engine::backend*> backends_of(std::string_view model) const;

    // The tasks hold `self`; each ends when it is rung after the end of the scheduler or of its instance.
    // Not by a cancellation signal: emitted off the loop it would be carried out later, when the coroutine
    // may have ended by itself (Boost 1.81).
    static core::awaitable<void> watch(std::shared_ptr<impl> self, instance_id id);
    static core::awaitable<void> stop(std::shared_ptr<impl> self, instance_id id);
    static core::awaitable<void> keep_time(std::shared_ptr<impl> self);

    core::executor on;
    const core::clock_source& clock;
    scheduler_core core;
    core::event_queue<scheduler_event> events;
    core::task_group tasks;
    core::wake_signal lease_over;
    core::wake_signal look_bell;  // core.next_look() changed
    std::map<instance_id, engine::backend*> hosted;
    std::map<const engine::backend*, std::size_t> readers;
    std::vector<std::pair<instance_id, engine::backend*>> leavers;  // with leases still out
    std::unordered_map<ticket_id, waiter*> waiters;
    next_look awaited;
    std::uint64_t last_id = 0;
    bool over = false;
};

}  // namespace corral::scheduler
