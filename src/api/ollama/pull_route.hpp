#pragma once
// Pull of a model that this box does not have, and delete of one that a pull brought (docs/facts/ollama_wire.md#management).

#include <optional>
#include <string>
#include <string_view>

#include "corral/api/wire_format.hpp"
#include "corral/core/result.hpp"

namespace corral::api::ollama {

// What `typed` means for `corral pull`: a name of the catalogue or a repository of the hub. Nothing for all else: a
// client chooses no address that this box asks.
[[nodiscard]] std::optional<std::string> pulled_name(std::string_view typed);

// Whether clients may bring it: a name of the catalogue, or a repository of an owner that the operator has named.
[[nodiscard]] bool may_bring(const api_context& context, std::string_view name);

// Why who asks may not change the packages of this box; nothing: it may.
[[nodiscard]] std::optional<std::string> why_not_pull(const api_context& context,
                                                      const http::request& incoming);

[[nodiscard]] core::awaitable<void> pull_package(api_context context, std::string typed, bool stream,
                                                 const http::request& incoming, http::response_writer& out);

}  // namespace corral::api::ollama
