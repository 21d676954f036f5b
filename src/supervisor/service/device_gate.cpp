#include "corral/supervisor/device_gate.hpp"

#include <cerrno>
#include <csignal>

#include <utility>
#include <vector>

#include "corral/telemetry/log.hpp"

namespace corral::supervisor {

namespace {

bool process_lives(pid_t pid) {
    return ::kill(pid, 0) == 0 || errno != ESRCH;
}

gate_state state_of(device::gate_answer answer) {
    switch (answer) {
        case device::gate_answer::open:
            return gate_state::open;
        case device::gate_answer::wait:
            return gate_state::wait;
        case device::gate_answer::shut:
            return gate_state::shut;
    }
    return gate_state::open;
}

class device_gate final : public start_gate, public std::enable_shared_from_this<device_gate> {
public:
    device_gate(const supervisor_context& context, std::string label, std::shared_ptr<device::reader> tool,
                device::gate_options options)
        : context_(context), label_(std::move(label)), tool_(std::move(tool)), policy_(std::move(options)) {}

    core::awaitable<gate_verdict> ask() override { return ask(shared_from_this()); }

    void on_spawned(pid_t pid) override {
        running_ = pid;
        policy_.on_spawned(pid, tool_->count_change());
    }
    void on_ready(pid_t pid) override {
        context_.tasks->spawn(label_ + ": device figures", learn(shared_from_this(), pid));
    }
    void on_gone(pid_t pid) override {
        if (running_ == pid) {
            running_ = 0;
            changed_at_ = context_.clock->now();
            tool_->count_change();
            policy_.on_gone();
        }
    }

    [[nodiscard]] std::uint64_t measured_mb() const noexcept override { return policy_.measured(); }

private:
    static core::awaitable<gate_verdict> ask(std::shared_ptr<device_gate> self) {
        auto looking = self->tool_->look(self->changed_at_);
        const device::device_look found = co_await std::move(looking);
        device::gate_decision decision =
            self->policy_.judge(found, self->context_.clock->now(), process_lives);
        if (!decision.warning.empty()) {
            telemetry::warn(decision.warning, "{}: {}", self->label_,
                            telemetry::printable(decision.warning, 600));
        }
        co_return gate_verdict{state_of(decision.answer), std::move(decision.reason),
                               std::move(decision.advice)};
    }

    static core::awaitable<void> learn(std::shared_ptr<device_gate> self, pid_t pid) {
        auto looking = self->tool_->look(self->context_.clock->now());
        const device::device_look found = co_await std::move(looking);
        if (self->running_ != pid) {
            co_return;
        }
        const std::uint64_t known = self->policy_.need();
        self->policy_.on_ready(found, self->tool_->changes());
        self->tool_->count_change();
        if (self->policy_.need() != known) {
            telemetry::log().info("{}: takes {} MB of device memory", self->label_, self->policy_.need());
        }
    }

    supervisor_context context_;
    std::string label_;
    std::shared_ptr<device::reader> tool_;
    device::gate_policy policy_;
    core::steady_time changed_at_;  // answers to older questions tell of the last process
    pid_t running_ = 0;
};

// A process on several cards starts when each of them lets it.
class joined_gate final : public start_gate, public std::enable_shared_from_this<joined_gate> {
public:
    explicit joined_gate(std::vector<std::shared_ptr<start_gate>> all) : all_(std::move(all)) {}

    core::awaitable<gate_verdict> ask() override { return ask(shared_from_this()); }
    void on_spawned(pid_t pid) override {
        for (const auto& each : all_) {
            each->on_spawned(pid);
        }
    }
    void on_ready(pid_t pid) override {
        for (const auto& each : all_) {
            each->on_ready(pid);
        }
    }
    void on_gone(pid_t pid) override {
        for (const auto& each : all_) {
            each->on_gone(pid);
        }
    }
    [[nodiscard]] std::uint64_t measured_mb() const noexcept override {
        std::uint64_t sum = 0;
        for (const auto& each : all_) {
            if (each->measured_mb() == 0) {
                return 0;
            }
            sum += each->measured_mb();
        }
        return sum;
    }

private:
    static core::awaitable<gate_verdict> ask(std::shared_ptr<joined_gate> self) {
        gate_verdict last;
        for (const auto& each : self->all_) {
            auto asking = each->ask();
            gate_verdict now = co_await std::move(asking);
            last = std::move(now);
            if (last.state != gate_state::open) {
                break;
            }
        }
        co_return last;
    }

    std::vector<std::shared_ptr<start_gate>> all_;
};

}  // namespace

std::shared_ptr<start_gate> join_gates(std::vector<std::shared_ptr<start_gate>> all) {
    return all.size() == 1 ? std::move(all.front()) : std::make_shared<joined_gate>(std::move(all));
}

std::shared_ptr<start_gate> make_device_gate(const supervisor_context& context, std::string label,
                                             std::shared_ptr<device::reader> tool,
                                             device::gate_options options) {
    return std::make_shared<device_gate>(context, std::move(label), std::move(tool), std::move(options));
}

}  // namespace corral::supervisor
