#pragma once
// How long the box took to serve: when Corral started, its ports were open, each model of the boot was loaded, and the
// first answer was whole. Watches only.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "corral/core/time.hpp"
#include "corral/supervisor/group.hpp"

namespace corral::monitor {

struct boot_moment {
    core::nanoseconds since_start{0};     // of Corral
    core::nanoseconds since_power_on{0};  // of the machine, sleep included
};

// The time since the machine was switched on (CLOCK_BOOTTIME); 0 where the system doesn't tell.
[[nodiscard]] core::nanoseconds time_since_power_on() noexcept;

class boot_times {
public:
    struct loaded_model {
        std::string name;
        boot_moment when;
    };

    // Corral starts now, so long after the machine. `clock` is borrowed.
    boot_times(const core::clock_source& clock, core::nanoseconds since_power_on);
    boot_times(const boot_times&) = delete;
    boot_times& operator=(const boot_times&) = delete;
    ~boot_times();

    // Each counts the first time.
    void note_listening();
    void note_answer();
    // Borrowed until forget(); its first readiness counts. A group without services has none.
    void watch(const std::string& label, supervisor::group& services);
    void forget(const supervisor::group& services);

    [[nodiscard]] boot_moment started() const noexcept { return {core::nanoseconds{0}, power_on_}; }
    [[nodiscard]] const std::optional<boot_moment>& listening() const noexcept { return listening_; }
    [[nodiscard]] const std::optional<boot_moment>& first_answer() const noexcept { return answer_; }
    // Of loads that began before the first answer, in the order in which they were loaded: the first 64 names.
    [[nodiscard]] const std::vector<loaded_model>& models() const noexcept { return models_; }

private:
    class watched;
    [[nodiscard]] boot_moment now() const;
    void note_model(const std::string& label);

    const core::clock_source& clock_;
    core::steady_time start_;
    core::nanoseconds power_on_;
    std::optional<boot_moment> listening_;
    std::optional<boot_moment> answer_;
    std::vector<loaded_model> models_;
    std::vector<std::unique_ptr<watched>> watched_;
};

}  // namespace corral::monitor
