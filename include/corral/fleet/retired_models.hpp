#pragma once
// Backends that a reload took out of service: each ends its running answer, is stopped by its ladder, and
// is destroyed when nothing points at it any more. Those that come in their place wait until all have stopped, for a
// device seldom holds two.

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::fleet {

class retired_models {
public:
    // All borrowed.
    retired_models(core::task_group& tasks, scheduler::scheduler& admission, const core::clock_source& clock)
        : tasks_(tasks), admission_(admission), clock_(clock) {}

    // `runtime` was removed from the scheduler or replaced there; `holders`: who points at it.
    void take(std::unique_ptr<engine::backend> runtime,
              std::vector<std::weak_ptr<const generation::served_model>> holders);
    // `then` is called once everything taken so far, and until then, has stopped; at once if nothing is left.
    void when_stopped(std::function<void()> then);

    // Those whose services may still live, for the shutdown, which stops them itself.
    [[nodiscard]] std::vector<engine::backend*> not_stopped() const;
    // From now on nothing is destroyed and no callback runs.
    void close() noexcept { closed_ = true; }

private:
    struct one {
        std::unique_ptr<engine::backend> runtime;
        std::vector<std::weak_ptr<const generation::served_model>> holders;
        bool stopped = false;
    };
    [[nodiscard]] core::awaitable<void> see_off(std::list<one>::iterator which);
    void on_stopped();

    core::task_group& tasks_;
    scheduler::scheduler& admission_;
    const core::clock_source& clock_;
    std::list<one> all_;
    std::vector<std::function<void()>> waiting_;
    bool closed_ = false;
};

}  // namespace corral::fleet
