#include "corral/monitor/boot_times.hpp"

#include <algorithm>
#include <ctime>

namespace corral::monitor {

core::nanoseconds time_since_power_on() noexcept {
    timespec now{};
    if (::clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
        return core::nanoseconds{0};
    }
    return core::seconds(now.tv_sec) + core::nanoseconds(now.tv_nsec);
}

class boot_times::watched final : public supervisor::group_observer {
public:
    watched(boot_times& tell, std::string label, supervisor::group& group)
        : services(&group), tell_(tell), label_(std::move(label)) {
        group.add_observer(this);
    }
    watched(const watched&) = delete;
    watched& operator=(const watched&) = delete;
    ~watched() override { services->remove_observer(this); }

    void on_output(std::string_view, process::output_stream, std::string_view) override {}
    void on_status(const supervisor::service_status& now) override {
        of_boot_ = of_boot_ || (!tell_.answer_ && now.state != supervisor::service_state::stopped);
        if (of_boot_ && services->ready()) {
            tell_.note_model(label_);
        }
    }

    supervisor::group* const services;

private:
    boot_times& tell_;
    const std::string label_;
    bool of_boot_ = false;
};

boot_times::boot_times(const core::clock_source& clock, core::nanoseconds since_power_on)
    : clock_(clock), start_(clock.now()), power_on_(since_power_on) {}

boot_times::~boot_times() = default;

boot_moment boot_times::now() const {
    const core::nanoseconds since = clock_.now() - start_;
    return {since, power_on_ + since};
}

void boot_times::note_listening() {
    listening_ = listening_.value_or(now());
}

void boot_times::note_answer() {
    if (!answer_) {
        answer_ = now();
    }
}

void boot_times::note_model(const std::string& label) {
    constexpr std::size_t most = 64;
    const bool known = std::ranges::any_of(models_, [&](const auto& each) { return each.name == label; });
    if (!known && models_.size() < most) {
        models_.push_back({label, now()});
    }
}

void boot_times::watch(const std::string& label, supervisor::group& services) {
    watched_.push_back(std::make_unique<watched>(*this, label, services));
}

void boot_times::forget(const supervisor::group& services) {
    std::erase_if(watched_, [&](const auto& each) { return each->services == &services; });
}

}  // namespace corral::monitor
