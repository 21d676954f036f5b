#pragma once
// The asking side of the API of the box (docs/dashboard.md): over the operator's socket, blocking, for programs that
// have nothing else to do; and one exchange over any connection.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/control/admin_json.hpp"
#include "corral/core/async.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"
#include "corral/http/reply_stream.hpp"

namespace corral::control {

struct admin_question {
    std::string method = "GET";
    std::string path = "/corral/v1/status";
    admin_json body = nullptr;  // null: none
};

struct admin_reply {
    unsigned status = 0;
    admin_json body;  // discarded where it is no JSON
};

// One question over the connection that `call` describes, whose method, target, body and time this sets.
[[nodiscard]] core::awaitable<core::result<admin_reply>> exchange(http::stream_call call,
                                                                  admin_question question,
                                                                  core::deadline until);

// The same on a loop of its own; blocks for `longest` at most.
[[nodiscard]] core::result<admin_reply> exchange_alone(http::stream_call call, admin_question question,
                                                       core::seconds longest);

// What to say where no Corral listens: how to start a Corral, with `config` where one is meant, and whose else runs.
[[nodiscard]] core::reason not_running(const std::optional<std::string>& config = {});

// Asks the first of `places` where a process listens. The answer says "ok"; of a refusal false, and "error" says why.
// Fails with a sentence for people when none listens, when the answer is none, or when none has come after `longest`.
[[nodiscard]] core::result<admin_json> ask_daemon(const std::vector<std::filesystem::path>& places,
                                                  admin_question question, core::seconds longest);

// Server-sent events of `path`, each given to `take` with its name until that says false or the stream ends; a refusal
// is one too, of the name "refused". Fails also when nothing comes for `longest`.
using event_taker = std::function<bool(std::string_view event, const admin_json& data)>;
[[nodiscard]] core::result<void> follow_daemon(const std::vector<std::filesystem::path>& places,
                                               std::string path, core::seconds longest,
                                               const event_taker& take);

// The process that listens there, as a descriptor that is readable once it has ended (pidfd_open(2)); none where
// nothing listens, or the kernel has no such thing.
[[nodiscard]] core::owned_fd process_of_daemon(const std::vector<std::filesystem::path>& places);

}  // namespace corral::control
