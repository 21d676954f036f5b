#pragma once
// What the file of a model says of it, as Ollama's `show` tells it.

#include <memory>
#include <string>

#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/engine/backend.hpp"

namespace corral::engine::streaming {

// Who asked may be gone before it ends. A disk that does not answer leaves the facts unknown. `projector`: empty where the
// model has none.
[[nodiscard]] core::awaitable<void> look_into(core::disk_work* disk, std::string file, std::string projector,
                                              std::shared_ptr<std::shared_ptr<const model_facts>> to);

}  // namespace corral::engine::streaming
