#pragma once
// The patterns of a schema in a bounded engine (docs/facts/platform_traps.md#schema-patterns).

#include <memory>
#include <string_view>

#include <re2/re2.h>

#include "corral/core/result.hpp"

namespace corral::chat {

// errc::refused with a sentence for the client: longer than 4 KiB, or it can't be run in linear time.
[[nodiscard]] core::result<std::shared_ptr<const re2::RE2>> make_pattern(std::string_view pattern);

}  // namespace corral::chat
