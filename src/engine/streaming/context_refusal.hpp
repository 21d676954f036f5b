#pragma once
// What a server says of a prompt that its context can't hold (docs/facts/other_runtimes.md#counting-a-prompt).
// Pure; the text is foreign.

#include <cstdint>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace corral::engine::streaming {

struct context_refusal {
    std::uint32_t tokens = 0;  // of the prompt; 0: it does not say
    std::uint32_t limit = 0;   // of prompt and answer together; 0: it does not say
    bool at_least = false;     // it stopped counting there
};

// Nothing where the error is about something else. `error`: its object, or null; `sentence`: its message.
[[nodiscard]] std::optional<context_refusal> context_refusal_in(const nlohmann::json& error,
                                                                std::string_view sentence);

}  // namespace corral::engine::streaming
