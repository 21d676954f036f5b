#pragma once
// What a request leaves open, filled in before it waits for its turn: from the model's variant, then from its
// manifest; and what can't be done said at once.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"
#include "corral/chat/structured_output.hpp"
#include "corral/core/async.hpp"
#include "corral/engine/backend.hpp"
#include "corral/generation/model_directory.hpp"

namespace corral::core {
class worker;
}

namespace corral::generation {

using wall_time = std::chrono::system_clock::time_point;

struct prepared_request {
    chat::render_options how;
    chat::rendered_prompt prompt;             // of the whole conversation
    std::optional<chat::format_plan> format;  // the conversation already tells the model of it
    std::optional<chat::forced_call> call;    // by its schema, or, where this is null, begun in the prompt
};

using preparation = boost::system::result<prepared_request, chat::failure>;

// `now`: some templates write the local date.
[[nodiscard]] chat::render_options render_options_for(const chat::generation_request& request,
                                                      const served_model& model, wall_time now);

// Completes `request`: sampling, limits, messages, and thinking off where a call is forced. Refused (bad_request, unsupported) when it can't be
// rendered for the model or its format can't be checked. Asks no backend, so any thread may call it.
[[nodiscard]] preparation prepare_request(chat::generation_request& request, const served_model& model,
                                          chat::render_options options);

// The same, on `elsewhere` where it takes long and there is one. `now`: some templates write the local date.
// REQUIRES: `request` and `model` outlive it.
[[nodiscard]] core::awaitable<preparation> prepare_beside(core::worker* elsewhere,
                                                          chat::generation_request& request,
                                                          const served_model& model,
                                                          std::chrono::system_clock::time_point now);

// Takes more than a fraction of a millisecond to render, and so a thread of its own. `more`: bytes besides its own.
[[nodiscard]] bool is_long(const chat::generation_request& request, std::size_t more = 0);
// What a variant puts before the messages of a request, in bytes.
[[nodiscard]] std::size_t example_bytes(const served_model& model);

[[nodiscard]] bool has_images(const chat::generation_request& request);
// A conversation in the model's chat format, and not a text that goes to the model as it is.
[[nodiscard]] bool is_conversation(const chat::generation_request& request);

// What a client asks beside the chat: a title, tags, questions that may follow. No person waits for its answer.
[[nodiscard]] bool is_background(const chat::generation_request& request);
// It waits behind those of people: by its priority, else by its shape.
[[nodiscard]] bool is_batch(const chat::generation_request& request);

// The answer that the model shall go on with; empty when it begins a new one.
[[nodiscard]] std::string begun_answer(const chat::generation_request& request);

// Empty where the definition says none.
[[nodiscard]] std::string_view tool_name(const nlohmann::ordered_json& tool);

// The names that calls may have.
[[nodiscard]] std::vector<std::string> tool_names(const chat::generation_request& request);

// As many tokens as the runtime may make: nothing for as many as it can
// (docs/facts/ollama_wire.md#stops-and-limits). `context`: of the runtime, 0 unknown.
[[nodiscard]] std::optional<std::uint32_t> max_tokens(const chat::limits& limits, std::uint32_t context);

// Bytes of its answer that may wait. A token is a few bytes; a reader that takes nothing can hold a context's worth of
// text, and no more.
[[nodiscard]] std::size_t max_pending_bytes(const chat::generation_request& request, std::uint32_t context);

}  // namespace corral::generation
