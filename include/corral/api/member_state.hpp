#pragma once
// This box as a load balancer sees it: would a request that comes now be answered, and how much of the load does
// the box want. One judgement for /readyz?model=NAME and for the port of HAProxy's agent-check.

#include <string>
#include <string_view>

#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::api {

// Of the box as a whole.
struct box_condition {
    bool ends = false;     // it shuts down
    bool closed = false;   // not open yet
    bool drained = false;  // its operator wants no more requests from the balancer
};

// Of one model.
struct model_condition {
    engine::availability_state state = engine::availability_state::stopped;
    bool suspended = false;  // by its operator
    scheduler::outlook queue;
};

enum class member_word {
    up,     // with the percentage
    drain,  // what runs may end here
    down,
};

struct member_verdict {
    member_word word = member_word::down;
    unsigned percent = 0;  // of its weight, with up: 0 to 100; 0: nothing now, and more in a while
    // "ready", "unloaded" (a request loads it), "loading", "broken", "stopped" (by its operator), "draining",
    // "shutting down", "closed", "unknown model", "no model".
    std::string_view status = "unknown model";
    [[nodiscard]] bool takes_requests() const noexcept { return word == member_word::up && percent > 0; }
};

// A model without waiting requests takes its whole weight; one with a queue a share of it, by how many would be
// before a request of its places. One that a request would have to load takes half, a tenth where another would have to be
// unloaded for it; one that loads takes nothing until it is ready.
[[nodiscard]] member_verdict judge_member(const box_condition& box, const model_condition& model);
// Where nothing keeps requests from the box as a whole, nothing comes back.
[[nodiscard]] const member_verdict* judge_box(const box_condition& box);

// How the model stands now.
[[nodiscard]] model_condition condition_of(const generation::served_model& model,
                                           const scheduler::scheduler& admission);

// The answer to an agent-check: "ready up 50%", "drain", "down #broken", with its line end. "ready" takes back a
// "drain" of before. `asked`: the name of a model, or empty: the best of all models counts. Behind it, or alone, may
// stand "steady": then the queue takes nothing from the weight, as a hash ring needs it, whose keys move with weights.
[[nodiscard]] std::string agent_line(const box_condition& box, const generation::model_directory& models,
                                     const scheduler::scheduler& admission, std::string_view asked);

}  // namespace corral::api
