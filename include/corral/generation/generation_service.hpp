#pragma once
// The one generation path that joins lease, chat and backend: shorten, render, run, filter, retry. Wire
// formats put a generation_request in and read events; nothing else is shared between them.
//
// What a request leaves open comes from the model's variant, then from its manifest.

#include <memory>
#include <optional>

#include "corral/chat/generation_event.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/core/async.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/task_group.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::telemetry {
class metrics;
class run_journal;
}  // namespace corral::telemetry

namespace corral::generation {

struct generation_options {
    core::milliseconds request_deadline{30 * 60 * 1000};
    unsigned max_tries = 3;                     // runs of one request that has sent nothing
    unsigned poisonous_after = 2;               // runtime deaths inside one request
    telemetry::run_journal* journal = nullptr;  // borrowed; hears of each request that has its turn
    telemetry::metrics* metrics = nullptr;      // borrowed; hears of each request
};

// One request on its way. Destroying it before the end means that nobody wants the rest: the runtime is
// stopped.
class generation_handle {
public:
    generation_handle(generation_handle&&) noexcept;
    generation_handle& operator=(generation_handle&&) noexcept;
    ~generation_handle();

    // To be said before the first event: nobody sees anything before the end. Then a run that broke in the
    // middle may be repeated, for nothing of it has gone out, and all events come after the end.
    void hold_until_end() noexcept;
    // The next event; after finished or failed none may be asked for. The events before the end wait in a
    // buffer bounded by the model's context, so a slow reader does not hold the lease.
    [[nodiscard]] core::awaitable<chat::generation_event> next();
    // Like next(), but does not wait: nothing when none is there yet.
    [[nodiscard]] std::optional<chat::generation_event> poll();
    // Like next(), but waits no longer than `until`: nothing then.
    [[nodiscard]] core::awaitable<std::optional<chat::generation_event>> next_before(core::deadline until);

    // Notes for response headers, complete with the first event: messages left out of a conversation that was
    // too long.
    [[nodiscard]] std::size_t dropped_messages() const noexcept;
    // Where the request stood in the queue when it came; nothing when it had no need to wait.
    [[nodiscard]] const std::optional<scheduler::queue_place>& queue_place() const noexcept;
    // The set of processes (catalog::label_of) that answers, and its tier; empty and 0 where the model has
    // one tier only, or none has begun yet.
    [[nodiscard]] const std::string& served_by() const noexcept;
    [[nodiscard]] unsigned tier() const noexcept;

    // What its stages took, as far as known now; whole with its end.
    [[nodiscard]] chat::generation_timings timings() const;
    // Its client asked for them; to be said before the first event.
    void tell_timings() noexcept;
    [[nodiscard]] bool tells_timings() const noexcept;
    // A piece of its answer waited for the client to take it.
    void note_delivery(core::nanoseconds waited);

private:
    friend class generation_service;
    struct shared_state;
    explicit generation_handle(std::shared_ptr<shared_state> s);
    std::shared_ptr<shared_state> state_;
};

class generation_service {
public:
    // `tasks` owns the runs and outlives the service's requests; all borrowed. `random` makes the ids of tool
    // calls.
    generation_service(core::task_group& tasks, const core::clock_source& clock, core::random_source& random,
                       scheduler::scheduler& admission, const model_directory& models,
                       generation_options options);
    ~generation_service();

    // Starts the request; failures come as events.
    [[nodiscard]] generation_handle start(chat::generation_request what);

    // For requests from now on; those on their way keep what they began with. The journal and the
    // metrics stay.
    void adjust(const generation_options& with);

private:
    struct impl;
    std::shared_ptr<impl> impl_;
};

}  // namespace corral::generation
