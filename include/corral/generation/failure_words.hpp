#pragma once
// What a person at a chat reads of a failure: what happened, what Corral does about it, when to ask again. Clocks,
// exit statuses and guesses at reasons are for the operator, who finds them in the log by the request's id.

#include <optional>

#include "corral/chat/failure.hpp"

namespace corral::generation {

// `why` with its message in those words; `load`: how long its model takes to be ready, where that is known. A
// request's own faults stay as they are worded, and so does a cause that is not known here.
[[nodiscard]] chat::failure for_client(chat::failure why, std::optional<core::seconds> load);

// `why` of a model that its operator has stopped: what else would promise that Corral starts it again says `stopped`.
[[nodiscard]] chat::failure of_stopped_model(chat::failure why, core::reason stopped);

}  // namespace corral::generation
