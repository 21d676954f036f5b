#pragma once
// What a group of services means for those who want a model of it.

#include <string_view>

#include "corral/engine/backend.hpp"
#include "corral/supervisor/group.hpp"

namespace corral::engine {

// `runtime`: the service whose load is the model's.
[[nodiscard]] availability availability_of(const supervisor::group& of, std::string_view runtime);

}  // namespace corral::engine
