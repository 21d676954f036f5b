#pragma once
// The answer that a runtime must give before it counts as ready: one that listens and loaded may still say
// nothing.

#include <functional>
#include <memory>
#include <string>

#include "corral/engine/backend.hpp"

namespace corral::engine {

struct first_question {
    std::string text;
    core::deadline until;
    // False: the answer has no limit and is let end, as ending it early costs the runtime more.
    bool may_be_stopped = true;
    // Of the answer, for who may want it no more; null: nobody does.
    std::shared_ptr<run_control> control{};
};

// backend::run() of those who are not ready yet, and may not be restarted for it.
using first_run = std::function<core::awaitable<run_outcome>(run_spec, run_sink&, run_control&)>;

// Fails (errc::unavailable) with a sentence when the run did, or gave no text. `model` outlives it.
[[nodiscard]] core::awaitable<core::result<void>> ask_first_question(core::executor on,
                                                                     const catalog::model_entry& model,
                                                                     first_question ask, first_run run);

}  // namespace corral::engine
