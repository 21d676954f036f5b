#pragma once
// Images of requests: base64 on the wire of all formats, a type that is known by its first bytes, bounded in number and size.

#include <optional>
#include <string>
#include <string_view>

#include "api/json/json_fields.hpp"
#include "corral/chat/generation_request.hpp"

namespace corral::api {

inline constexpr std::size_t most_images = 64;                       // of a request
inline constexpr std::size_t most_image_bytes = 20UL * 1024 * 1024;  // of one, in base64

// "image/png", by how its bytes begin; empty: none of those that models are known to see.
[[nodiscard]] std::string_view image_type(std::string_view first_bytes);

// The image in `base64`, added to `message`, whatever it is; one that is too large is the problem. REQUIRES: it was found
// to be base64 (core::base64_error).
void add_image(std::string_view base64, chat::message& message, decode_problem& problem);

// What is no image of one of `types`, or one too many, is the problem.
void check_images(const std::vector<chat::message>& messages, const std::vector<std::string>& types,
                  decode_problem& problem);

}  // namespace corral::api
