#pragma once
// What the ways to pull a package over the network share.

#include <optional>
#include <string>
#include <string_view>

#include "corral/api/package_desk.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/core/result.hpp"

namespace corral::api {

// What `typed` means for `corral pull`: a name of the catalogue or a repository of the hub. Nothing for all else: a
// client chooses no address that this box asks.
[[nodiscard]] std::optional<std::string> pulled_name(std::string_view typed);

// Whether clients may bring it: a name of the catalogue, or a repository of an owner that the operator has named.
[[nodiscard]] bool may_bring(const api_context& context, std::string_view name);

// Its lines as they come, and its end. A failure before the first line is left to the caller.
[[nodiscard]] core::awaitable<std::optional<core::failure>> stream_pull(pull_watch& watch,
                                                                        http::response_writer& out);

}  // namespace corral::api
