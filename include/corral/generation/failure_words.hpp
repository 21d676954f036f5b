#pragma once
// What a person at a chat reads of a failure: what happened, what Corral does about it, when to ask again. Clocks,
// exit statuses and guesses at reasons are for the operator, who finds them in the log by the request's id.

#include "corral/chat/failure.hpp"

namespace corral::generation {

// `why` with its message in those words. A request's own faults stay as they are told, and so do a cause that is not
// known here and the reason why a model does not start.
[[nodiscard]] chat::failure for_client(chat::failure why);

}  // namespace corral::generation
