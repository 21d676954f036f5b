#pragma once
// Answers of pull, push and create: lines of status and an end, or the end alone
// (docs/facts/ollama_wire.md#management).

#include <string>
#include <vector>

#include "corral/core/async.hpp"
#include "corral/http/message.hpp"

namespace corral::api::ollama {

struct progress {
    std::vector<std::string> statuses;  // before the end
    std::string error;                  // empty: the end is "success"
};

[[nodiscard]] core::awaitable<void> send_progress(progress what, bool stream, http::response_writer& out);

// An error in the place of the first line, with its own status.
[[nodiscard]] core::awaitable<void> send_progress_error(unsigned status, std::string text,
                                                        http::response_writer& out);

// The end of a pull of a model that is not on this box, explicit or on the way of a create.
inline constexpr const char* absent_model_error =
    "pull model manifest: file does not exist: this server runs the models of its own box; 'corral import' "
    "adds one";

}  // namespace corral::api::ollama
