#pragma once
// The verb "logs" of the admin socket: {"verb":"logs","target":"qwen3:4b/runtime","lines":100,"follow":true}.
// After the first answer come objects {"lines":[...]}, and {"end":true} where nothing is followed.

#include "corral/daemon/admin_context.hpp"

namespace corral::daemon {

// Answers with the lines that services printed last, of what `target` names: MODEL, MODEL/SERVICE, a service
// that only one model has, "corral" for Corral's own log; without it all of them. Each line has model,
// service, time (UTC) and text, or `lost`: so many were overwritten before they could be sent. `of` outlives
// the stream.
[[nodiscard]] control::admin_answer open_log_stream(const admin_context& of,
                                                    const control::admin_json& asked);

}  // namespace corral::daemon
