#pragma once
// A request's body as clients of /v1 compress it (Codex does, docs/facts/ollama_wire.md#json-input).

#include <cstddef>
#include <string>
#include <string_view>

#include "corral/core/result.hpp"
#include "corral/http/message.hpp"

namespace corral::api {

// What `body` holds, of at most `most` bytes, paid from `memory` (may be null) before there is room for it. Failures:
// errc::invalid, errc::limit_exceeded, errc::unavailable where `memory` has none left.
[[nodiscard]] core::result<std::string> unpack_zstd(std::string_view body, std::size_t most,
                                                    http::memory_charge* memory);

}  // namespace corral::api
