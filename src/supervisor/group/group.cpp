#include "corral/supervisor/group.hpp"

#include <utility>

#include "supervisor/group/group_core.hpp"

namespace corral::supervisor {

namespace {

// What others hold; the work goes on in the core for as long as tasks need it.
class group_handle final : public group {
public:
    group_handle(const supervisor_context& context, group_spec wanted)
        : core_(std::make_shared<group_core>(context, std::move(wanted))) {}
    group_handle(const group_handle&) = delete;
    group_handle& operator=(const group_handle&) = delete;
    ~group_handle() override { core_->close(); }

    const std::string& name() const noexcept override { return core_->name(); }
    std::vector<service_status> status() const override { return core_->status(); }
    bool ready() const noexcept override { return core_->ready(); }
    std::uint64_t epoch() const noexcept override { return core_->epoch(); }
    core::awaitable<core::result<void>> wait_ready(core::deadline until) override {
        return group_core::wait_ready(core_, until);
    }
    bool verify_endpoints() override { return core_->verify_endpoints(); }
    void restart(std::string_view service, std::string cause) override {
        core_->restart(service, std::move(cause), false);
    }
    void restart_as_asked(std::string_view service, std::string cause) override {
        core_->restart(service, std::move(cause), true);
    }
    void start() override { core_->start(); }
    core::awaitable<bool> stop(core::deadline until) override { return group_core::stop(core_, until); }
    std::optional<group_handover> hand_over() const override { return core_->hand_over(); }
    [[nodiscard]] core::result<void> take_over(const group_handover& from) { return core_->take_over(from); }
    void add_observer(group_observer* hears) override { core_->add_observer(hears); }
    void remove_observer(group_observer* hears) override { core_->remove_observer(hears); }
    std::deque<transition_record> history() const override { return core_->history(); }
    std::deque<std::string> recent_lines(std::string_view service) const override {
        const service_runner* const found = core_->find(service);
        return found == nullptr ? std::deque<std::string>{} : found->recent_lines();
    }
    const telemetry::line_ring* output_of(std::string_view service) const override {
        const service_runner* const found = core_->find(service);
        return found == nullptr ? nullptr : &found->output();
    }

private:
    std::shared_ptr<group_core> core_;
};

}  // namespace

std::unique_ptr<group> make_group(const supervisor_context& context, group_spec wanted) {
    return std::make_unique<group_handle>(context, std::move(wanted));
}

core::result<std::unique_ptr<group>> adopt_group(const supervisor_context& context, group_spec wanted,
                                                 const group_handover& from) {
    auto made = std::make_unique<group_handle>(context, std::move(wanted));
    if (auto taken = made->take_over(from); !taken) {
        return taken.error();
    }
    return std::unique_ptr<group>(std::move(made));
}

}  // namespace corral::supervisor
