#pragma once
// One function a family. Each value lives for the whole program.

#include <string_view>

#include "corral/chat/family.hpp"

namespace corral::chat {

[[nodiscard]] const family& chatml_family();
[[nodiscard]] const family& deepseek_r1_family();
[[nodiscard]] const family& gemma_family();
[[nodiscard]] const family& llama3_family();
[[nodiscard]] const family& llama3_0_family();
[[nodiscard]] const family& minicpm_family();
[[nodiscard]] const family& phi3_family();
[[nodiscard]] const family& phi4_family();
[[nodiscard]] const family& phi4_mini_family();
[[nodiscard]] const family& qwen2_5_family();
[[nodiscard]] const family& qwen3_family();
[[nodiscard]] const family& qwen3_thinking_family();
[[nodiscard]] const family& smollm2_family();

// What families that speak ChatML have in common: its turns with Qwen's tokens, without tools and thinking.
[[nodiscard]] family chatml_base(std::string_view name);

}  // namespace corral::chat
