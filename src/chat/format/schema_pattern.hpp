#pragma once
// The patterns of a schema in a bounded engine (docs/facts/platform_traps.md#schema-patterns).

#include <memory>
#include <string_view>

#include <re2/re2.h>

#include "corral/core/result.hpp"

namespace corral::chat {

// errc::refused with a sentence for the client: longer than 4 KiB, or it can't be run in linear time.
// Takes what that costs from `work`, about 2 us each: RE2 bounds the size of a program, but not the time that it
// takes to become one, nor to find that it is too large.
[[nodiscard]] core::result<std::shared_ptr<const re2::RE2>> make_pattern(std::string_view pattern,
                                                                         std::size_t& work);

}  // namespace corral::chat
