#pragma once
// Makes a request fit the model's context: measures, leaves something out (prompt_cuts.hpp), measures again.

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/async.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/answer_reader.hpp"
#include "generation/turn_summaries.hpp"

namespace corral::core {
class worker;
}

namespace corral::generation {

class kept_budgets;

struct fitted_prompt {
    chat::rendered_prompt prompt;
    prompt_cuts cuts;
    left_out_turns unsummarised;       // what no summary stands in for yet
    std::size_t beginning_budget = 0;  // that system prompt and tools were cut by; 0: nothing was
};

// How long a prompt is, where that is asked otherwise than by backend::measure().
using counting =
    std::function<core::awaitable<core::result<engine::prompt_measure>>(const chat::rendered_prompt&)>;

using fit_result = boost::system::result<fitted_prompt, chat::failure>;

// What the model shall read: the raw text of `request`, its hole, or `messages`, which stand in for those of
// the request. bad_request or unsupported when that can't be rendered.
[[nodiscard]] boost::system::result<chat::rendered_prompt, chat::failure> render_request(
    const chat::render_options& options, const chat::generation_request& request,
    const std::vector<chat::message>& messages);

// A prompt that fits `runtime`, or why there is none: context_too_long with the tokens of each part, what
// render_request refuses, or the tokenizer's failure. `first`: all of `messages`, where they are rendered
// already. Only with `may_shorten` anything is left out, and then `messages` are those of the request. Few
// measures are taken: what to leave out is estimated from the length of the texts. limits::num_ctx is not a
// bound here: the context of these runtimes is fixed, and a smaller wish would only lose turns. Long ones are rendered
// `elsewhere`. `summaries`: stand in for turns that go. `kept`: so that the next turn has the same tools. REQUIRES: all
// references outlive the call; the lease of `runtime` is held, or `count` does not need it.
[[nodiscard]] core::awaitable<fit_result> fit_prompt(
    engine::backend& runtime, const chat::render_options& options, const chat::generation_request& request,
    const std::vector<chat::message>& messages, std::optional<chat::rendered_prompt> first, bool may_shorten,
    core::deadline until, core::worker* elsewhere = nullptr, counting count = nullptr,
    turn_summaries* summaries = nullptr, kept_budgets* kept = nullptr);

// Why `request` can't fit a context of so many positions, whatever is left out, by the length of its texts alone: known
// before any of them is rendered. Nothing: it may fit, or `context` is 0, unknown.
[[nodiscard]] std::optional<chat::failure> surely_too_long(const chat::generation_request& request,
                                                           std::uint32_t context);
// The same of a whole prompt, with an estimate of its tokens: to count them would hold everybody up.
[[nodiscard]] std::optional<engine::prompt_measure> surely_too_long(const chat::rendered_prompt& prompt,
                                                                    std::uint32_t context);

}  // namespace corral::generation
