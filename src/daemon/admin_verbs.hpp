#pragma once
// What the operator asks of the daemon: status, lines of the log, and one line in the table of admin_verbs.cpp for each
// verb.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/api/operator_desk.hpp"
#include "corral/daemon/admin_context.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"

namespace corral::daemon {

// {"lines":[...]} again and again, an empty list after a second of silence; where nothing is followed {"routine":[...]}
// comes last. Each line has model, service, time (UTC) and text, or `lost`: so many were overwritten before they could be
// sent.
using log_batches = std::function<core::awaitable<std::optional<control::admin_json>>()>;

// Lines that services printed, of what `target` names: MODEL, MODEL/SERVICE, a service that only one model has, "corral"
// for Corral's own log; empty: all of them. `context` outlives the stream.
[[nodiscard]] core::result<log_batches> open_log_stream(const admin_context& context,
                                                        const api::log_question& asked);

// How the models fare, as data (`corral status --json`); cli's status_page makes text of it.
// {"ok":true, "version", "pid", "uptime_seconds", "reloads", "shutting_down", "queue":{...}, "models":[...]};
// docs/operating.md has the fields. They only ever grow.
[[nodiscard]] control::admin_json status_json(const admin_context& context);

// Of a model that has just been stopped or started.
using model_word = std::function<void(const std::string& model)>;

// Finds the verb, {"verb":"start","target":"qwen3:4b","wait_seconds":60}, and runs it. `context` outlives the call.
// `decided` is told before anything is waited for.
[[nodiscard]] core::awaitable<control::admin_json> answer_admin(const admin_context& context,
                                                                control::admin_json request,
                                                                model_word decided);

// What the target of an admin verb means: all models, one, one of its instances, or one service. Decides only.

// What a verb is about.
struct admin_target {
    std::vector<std::string> models;  // as the scheduler knows them
    std::string label;                // of one instance of the only model; empty: all of them
    std::string service;              // of the only model; empty: all
    std::string problem;              // for the person; nothing else counts then
    bool unknown = false;             // the problem is that there is no such model or service
};

// What there is to name.
struct known_targets {
    const std::vector<std::unique_ptr<engine::backend>>& backends;
    const generation::model_directory& models;
    const scheduler::scheduler& admission;
};

// "qwen3:4b@1", or by another name of the model: the only instance that `typed` can mean; nullptr: none.
[[nodiscard]] engine::backend* instance_named(const known_targets& among, std::string_view typed);

// `target`: MODEL, MODEL@CARDS, one of them and /SERVICE, or empty for all models. A problem too while the server is
// shutting down.
[[nodiscard]] admin_target resolve_target(const known_targets& among, const std::string& target);

}  // namespace corral::daemon
