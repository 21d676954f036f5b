#pragma once
// Whether a clock that ran out was too short for this box. One prompt that hangs a runtime, however often, shows
// nothing of the kind: after it others would only wait longer for the next one. Two prompts in a row do, and so does
// a run that was slow before it stood still. Decides only; one for each model.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "corral/chat/render.hpp"
#include "corral/core/time.hpp"

namespace corral::engine {

// How slow one run was so far: the longest of its steps that were well, as a share of its clock.
class run_pace {
public:
    void note(core::nanoseconds took, core::nanoseconds limit) noexcept {
        slowest_ = std::max(slowest_, core::as_seconds(took) / std::max(core::as_seconds(limit), 1e-9));
    }
    // A clock is ten times what is usual, or more.
    [[nodiscard]] bool slow() const noexcept { return slowest_ >= 0.25; }

private:
    double slowest_ = 0;
};

class stall_lesson {
public:
    // A run with `prompt` ran into its clock. True: the clock is to be widened.
    [[nodiscard]] bool teaches(const chat::rendered_prompt& prompt, const run_pace& pace) {
        const std::hash<std::string> hash;
        const std::size_t mark = hash(prompt.system) * 31 + hash(prompt.turns);
        const bool another = last_ && *last_ != mark;
        last_ = mark;
        return another || pace.slow();
    }
    void went_well() noexcept { last_.reset(); }

private:
    std::optional<std::size_t> last_;  // the prompt that ran into a clock, where no run was well since
};

}  // namespace corral::engine
