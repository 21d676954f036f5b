#pragma once
// What the admin socket can be asked: one line in the table of admin_verbs.cpp for each verb.

#include "corral/daemon/admin_context.hpp"

namespace corral::daemon {

// Finds the verb and runs it; an unknown one is a refusal that names those there are. `of` outlives the call.
[[nodiscard]] core::awaitable<control::admin_answer> answer_admin(const admin_context& of,
                                                                  control::admin_json asked);

}  // namespace corral::daemon
