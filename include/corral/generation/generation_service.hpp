#pragma once
// The one generation path that joins lease, chat and backend: shorten, render, run, filter, retry. Wire
// formats put a generation_request in and read events; nothing else is shared between them.
//
// What a request leaves open comes from the model's variant, then from its manifest.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "corral/chat/generation_event.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/core/async.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/task_group.hpp"
#include "corral/generation/answer_reader.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::core {
class worker;
}
namespace corral::telemetry {
class metrics;
class run_journal;
}  // namespace corral::telemetry

namespace corral::generation {

struct generation_options {
    core::milliseconds request_deadline{30 * 60 * 1000};
    unsigned max_tries = 3;                     // runs of one request that has sent nothing
    unsigned poisonous_after = 2;               // deaths and hangs of the runtime for one prompt
    bool log_content = false;                   // may the words of a runtime's refusal appear in the log
    telemetry::run_journal* journal = nullptr;  // borrowed; hears of each request that has its turn
    telemetry::metrics* metrics = nullptr;      // borrowed; hears of each request
    core::worker* rendering = nullptr;          // borrowed; renders long prompts; absent: the loop does
};

class generation_service {
public:
    // `tasks` owns the runs and outlives the service's requests; all borrowed. `random` makes the ids of tool
    // calls.
    generation_service(core::task_group& tasks, const core::clock_source& clock, core::random_source& random,
                       scheduler::scheduler& admission, const model_directory& models,
                       generation_options options);
    ~generation_service();

    // Starts the request for `model`, as it was found; nullptr is one that is not served. Failures come as
    // events.
    [[nodiscard]] generation_handle start(chat::generation_request request, served model);

    // The tokens of the prompt that `request` makes, as its runtime counts them, or estimates where it can't. Takes its
    // turn like a generation, and runs nothing. REQUIRES: *this outlives the call.
    using count_result = boost::system::result<std::uint32_t, chat::failure>;
    [[nodiscard]] core::awaitable<count_result> count(chat::generation_request request, served model);

    // The runtimes were repaired or replaced: a prompt that was deadly may not be so any more.
    void forget_deadly_prompts();

    // A summary that is being made ends: the box stops.
    void give_way();

    // For requests from now on; those on their way keep what they began with. The journal and the
    // metrics stay.
    void adjust(const generation_options& with);

    // From a request's arrival to its last byte; also for those that only load a model or make vectors.
    [[nodiscard]] core::milliseconds request_deadline() const noexcept;

    // For people: a sentence for each client whose requests were shortened within the last hour; bounded.
    [[nodiscard]] std::vector<std::string> warnings() const;

private:
    struct impl;
    std::shared_ptr<impl> impl_;
};

}  // namespace corral::generation
