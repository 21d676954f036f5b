#pragma once
// A prompt by a Go template instead of the family's format (docs/facts/ollama_wire.md#template-rules): the
// template's own control tokens stand, those in content are neutralised.

#include <optional>
#include <vector>

#include "corral/chat/render.hpp"

namespace corral::chat {

// `messages`: settled. A template that uses .Messages gets all of them; another one is written once a turn,
// with .System, .Prompt and .Response, and the last time cut off where .Response stands, for there the model
// goes on. Refuses a broken template, and tools where the template has no place for them.
[[nodiscard]] core::result<rendered_prompt> template_prompt(const render_options& how,
                                                            const std::vector<message>& messages,
                                                            const nlohmann::ordered_json& tools,
                                                            thinking_mode thinking);

// The same for a hole, by a template that uses .Suffix; nothing when it doesn't.
[[nodiscard]] core::result<std::optional<rendered_prompt>> template_hole(const render_options& how,
                                                                         const fill_in_middle& hole);

}  // namespace corral::chat
