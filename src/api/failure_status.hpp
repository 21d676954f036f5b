#pragma once
// The one table from kinds of failure to HTTP statuses; wire formats add only their own shape and words.

#include <string>
#include <string_view>

#include "corral/chat/failure.hpp"
#include "corral/core/reason.hpp"

namespace corral::api {

[[nodiscard]] unsigned status_of(chat::failure_kind kind) noexcept;

// The words for the client; `typed` is the model as the client wrote it.
[[nodiscard]] std::string failure_text(const chat::failure& why, std::string_view typed);

// Of a model that is not served.
[[nodiscard]] core::reason not_found_text(std::string_view shown);

}  // namespace corral::api
