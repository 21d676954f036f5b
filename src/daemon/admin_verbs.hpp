#pragma once
// What the admin socket can be asked: one line in the table of admin_verbs.cpp for each verb.

#include "corral/daemon/admin_context.hpp"

namespace corral::daemon {

// The verb "logs": {"verb":"logs","target":"qwen3:4b/runtime","lines":100,"follow":true}. After the first answer
// come objects {"lines":[...]}, an empty one after `sign_seconds` (1 to 15) of silence, and {"end":true} where nothing is followed.
//
// Answers with the lines that services printed last, of what `target` names: MODEL, MODEL/SERVICE, a service
// that only one model has, "corral" for Corral's own log; without it all of them. Each line has model,
// service, time (UTC) and text, or `lost`: so many were overwritten before they could be sent. `of` outlives
// the stream.
[[nodiscard]] control::admin_answer open_log_stream(const admin_context& of,
                                                    const control::admin_json& asked);

// The verb "status": how the models fare, as data (`corral status --json`); cli's status_page makes text of it.
// {"ok":true, "version", "pid", "uptime_seconds", "reloads", "shutting_down", "queue":{...}, "models":[...]};
// docs/operating.md has the fields. They only ever grow.
[[nodiscard]] control::admin_json status_json(const admin_context& of);

// Finds the verb and runs it; an unknown one is a refusal that names those there are. `of` outlives the call.
[[nodiscard]] core::awaitable<control::admin_answer> answer_admin(const admin_context& of,
                                                                  control::admin_json asked);

}  // namespace corral::daemon
