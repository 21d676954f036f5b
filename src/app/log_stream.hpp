#pragma once
// The verb "logs" of the admin socket: {"verb":"logs","target":"qwen3:4b/runtime","lines":100,"follow":true}.
// After the first answer come objects {"lines":[...]}, and {"end":true} where nothing is followed.

#include "admin_verbs.hpp"

namespace corral::app {

// Answers with the lines that services printed last, of what `target` names: MODEL, MODEL/SERVICE, a service
// that only one model has, "corral" for Corral's own log; without it all of them. Each line has model,
// service, time (UTC) and text, or `lost`: so many were overwritten before they could be sent. `of` outlives
// the stream.
[[nodiscard]] admin_answer open_log_stream(const admin_context& of, const admin_json& asked);

}  // namespace corral::app
