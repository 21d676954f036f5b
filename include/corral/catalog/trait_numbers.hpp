#pragma once
// Traits that are numbers, or variables of a model that hold them; and the address of a model elsewhere.

#include <cstdint>
#include <string>

#include "corral/catalog/profile.hpp"
#include "corral/core/result.hpp"
#include "corral/core/server_url.hpp"

namespace corral::catalog {

// Runs that the model's processes work on at once, 1 to 256 (traits.capacity). Fails with a sentence where
// the variable is no such number.
[[nodiscard]] core::result<unsigned> capacity_of(const model_entry& model);

// Tokens of context that each of them has (traits.context); 0: the profile does not say. Fails as above.
[[nodiscard]] core::result<std::uint32_t> context_of(const model_entry& model);

// Tokens that an image takes at most; 0 for a model without vision.
[[nodiscard]] core::result<std::uint32_t> image_tokens_of(const model_entry& model);

// Numbers of a token's vector, by the embedding's file, which has one for each word of the vocabulary; 0: not known.
[[nodiscard]] std::uint32_t embedding_length_of(const model_entry& model);

// "http://host:port", as the variable "url" has it. Refuses https, user names and paths by name.
[[nodiscard]] core::result<core::server_url> remote_url_of(const std::string& text);

}  // namespace corral::catalog
