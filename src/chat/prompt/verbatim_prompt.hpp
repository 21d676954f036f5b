#pragma once
// A conversation as the whole text that the model reads, word for word as the family's template writes it
// (docs/facts/ollama_wire.md#prompts). Content is neutralised, so that all control tokens in it are ours.

#include <optional>
#include <string_view>
#include <vector>

#include "corral/chat/family.hpp"
#include "corral/chat/generation_request.hpp"
#include "corral/chat/render.hpp"

namespace corral::chat {

// `messages`: settled; a last assistant message stays open. `default_system` is for a request without a
// system prompt; `tools` null or an array; `as_written` as render_options has it.
[[nodiscard]] rendered_prompt verbatim_prompt(const family& format, const std::vector<message>& messages,
                                              std::string_view default_system,
                                              const nlohmann::ordered_json& tools, bool thinking,
                                              bool as_written = false);

// A prompt by a Go template instead of the family's format (docs/facts/ollama_wire.md#template-rules): the
// template's own control tokens stand, those in content are neutralised.

// `messages`: settled. A template that uses .Messages gets all of them. Any other runs once per turn, with
// .System, .Prompt and .Response, and the last run is cut off at .Response, where the model continues. Refuses
// a broken template, and tools where the template has no place for them.
[[nodiscard]] core::result<rendered_prompt> template_prompt(const render_options& options,
                                                            const std::vector<message>& messages,
                                                            const nlohmann::ordered_json& tools,
                                                            thinking_mode thinking);

// The same for a hole; nothing when the template does not use .Suffix.
[[nodiscard]] core::result<std::optional<rendered_prompt>> template_hole(const render_options& options,
                                                                         const fill_in_middle& hole);

}  // namespace corral::chat
