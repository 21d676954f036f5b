#pragma once
// HAProxy's runtime socket.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "corral/boxes/edge_sync.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

// The answer to one command, of at most 64 MiB. Blocks, 5 s at most. Fails with a sentence. REQUIRES: no line end and no
// ';' in `command`.
[[nodiscard]] core::result<std::string> ask_haproxy(const std::filesystem::path& socket,
                                                    std::string_view command);

// Slots, their models, and servers. Fails where HAProxy does not answer, or runs a configuration that
// 'corral fleet render' has not written.
[[nodiscard]] core::result<boxes::edge_sight> look_at_haproxy(const std::filesystem::path& socket);

}  // namespace corral::cli
