#pragma once
// Pull of a model that this box does not have, and delete of one that a pull brought (docs/facts/ollama_wire.md#management).

#include <optional>
#include <string>

#include "corral/api/wire_format.hpp"
#include "corral/core/result.hpp"

namespace corral::api::ollama {

// Why who asks may not change the packages of this box; nothing: it may.
[[nodiscard]] std::optional<core::reason> why_not_pull(const api_context& context,
                                                       const http::request& incoming);

[[nodiscard]] core::awaitable<void> pull_package(api_context context, std::string typed, bool stream,
                                                 const http::request& incoming, http::response_writer& out);

}  // namespace corral::api::ollama
