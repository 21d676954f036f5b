#pragma once
// Backends that a reload took out of service: each ends its running answer, is stopped by its ladder, and
// is destroyed when nothing points at it any more. One that comes waits until those have stopped that have what it
// needs: a card, for a card seldom holds two, or a port that is compiled into both.

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "corral/core/task_group.hpp"
#include "corral/core/time.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::fleet {

// What one set of processes has of the box, or will have.
struct seat {
    std::string deployment;
    bool has_processes = false;  // false: the model runs on another machine
    engine::device_claim claim;
};

[[nodiscard]] seat seat_of(const engine::backend& runtime);
// The one is not to be started while the other lives. Sets of one deployment never are; one that needs no card is taken
// to need whatever is short: CPU, memory.
[[nodiscard]] bool excludes(const seat& one, const seat& other);

class retired_models {
public:
    // All borrowed.
    retired_models(core::task_group& tasks, scheduler::scheduler& admission, const core::clock_source& clock)
        : tasks_(tasks), admission_(admission), clock_(clock) {}

    // `runtime` was removed from the scheduler or replaced there; `holders`: who points at it.
    void take(std::unique_ptr<engine::backend> runtime,
              std::vector<std::weak_ptr<const generation::served_model>> holders);
    // `then` is called by admit_successors(), once all that was taken and excludes any of `successors` has stopped, or
    // can't be stopped. Those of one deployment are called together.
    void when_stopped(const std::vector<const engine::backend*>& successors, std::function<void()> then);
    // To be called once a reload has taken all that goes; later it happens by itself.
    void admit_successors();

    // Those whose services may still live, for the shutdown, which stops them itself.
    [[nodiscard]] std::vector<engine::backend*> not_stopped() const;
    // Stops those of `model` under their running answers.
    void cut(const std::string& model);
    // Those of them that were loaded, but for what can't be stopped, for the scheduler.
    [[nodiscard]] std::vector<scheduler::leaving_runtime> leaving() const;
    // From now on nothing is destroyed and no callback runs.
    void close() noexcept { closed_ = true; }

private:
    struct one {
        std::unique_ptr<engine::backend> runtime;
        std::vector<std::weak_ptr<const generation::served_model>> holders;
        bool loaded = false;  // when it was taken
        bool stopped = false;
        bool is_cut = false;      // by a task of its own, which ends before this goes
        unsigned vain_tries = 0;  // to stop it
    };
    struct successor {
        std::string deployment;
        std::vector<seat> seats;
        std::function<void()> then;
    };
    [[nodiscard]] core::awaitable<void> see_off(std::list<one>::iterator which);
    [[nodiscard]] core::awaitable<void> cut_short(std::list<one>::iterator which);
    [[nodiscard]] bool is_kept_waiting(const successor& waits) const;

    core::task_group& tasks_;
    scheduler::scheduler& admission_;
    const core::clock_source& clock_;
    std::list<one> all_;
    std::vector<successor> waiting_;
    bool closed_ = false;
};

}  // namespace corral::fleet
