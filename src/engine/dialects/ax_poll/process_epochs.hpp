#pragma once
// Whether the processes that a run began with are still the same. No I/O: fed by the group's reports.

#include <cstdint>
#include <string>

#include "corral/supervisor/group.hpp"

namespace corral::engine::ax_poll {

class process_epochs {
public:
    // `tokenizer` may be empty. `bridged`: the tap outlives the tokenizer's death, so that alone is no loss.
    process_epochs(std::string runtime, std::string tokenizer, bool bridged);

    void on_status(const supervisor::service_status& now);

    // The group was told to stop: an end is then no death.
    void want_stop(bool wanted) noexcept { stop_wanted_ = wanted; }

    struct mark {
        std::uint64_t runtime_starts = 0;
        std::uint64_t tokenizer_starts = 0;
    };
    [[nodiscard]] mark now() const noexcept { return {runtime_.starts, tokenizer_.starts}; }

    enum class loss {
        none,
        runtime,    // died or was replaced
        tokenizer,  // it went first, or with the runtime
        stopping,   // the group is being stopped
    };
    [[nodiscard]] loss since(mark begun) const noexcept;

    [[nodiscard]] const supervisor::service_status& runtime() const noexcept { return runtime_; }
    [[nodiscard]] const supervisor::service_status& tokenizer() const noexcept { return tokenizer_; }

private:
    std::string runtime_name_;
    std::string tokenizer_name_;
    bool bridged_;
    bool stop_wanted_ = false;
    supervisor::service_status runtime_;
    supervisor::service_status tokenizer_;
};

}  // namespace corral::engine::ax_poll
