#pragma once
// Makes a conversation fit the model's context: measures, leaves out the oldest turns, measures again.

#include <cstddef>

#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/async.hpp"
#include "corral/engine/backend.hpp"

namespace corral::api {

struct fitted_prompt {
    chat::rendered_prompt prompt;
    std::size_t dropped_messages = 0;
};

using fit_result = boost::system::result<fitted_prompt, engine::run_failure>;

// A prompt that fits `runtime`, or why there is none: context_too_long with the numbers, bad_request when the
// conversation can't be rendered, or the tokenizer's failure. Few measures are taken: what to leave out is
// estimated from the length of the texts. limits::num_ctx is not a bound here: the context of these runtimes
// is fixed, and a smaller wish would only lose turns. REQUIRES: all references outlive the call; the lease of
// `runtime` is held.
[[nodiscard]] core::awaitable<fit_result> fit_prompt(engine::backend& runtime,
                                                     const chat::render_options& how,
                                                     const chat::generation_request& request,
                                                     core::deadline until);

// Leaves out the oldest turns until about `share` (0 to 1) of the turns' text remains, at least one turn.
// False when nothing could go.
[[nodiscard]] bool drop_to_share(std::vector<chat::message>& messages, double share);

// How a failed render reads to the client.
[[nodiscard]] engine::run_failure render_failure(const core::failure& why);

}  // namespace corral::api
