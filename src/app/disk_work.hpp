#pragma once
// The one of core, under the name that this room has always used.

#include "corral/core/disk_work.hpp"

namespace corral::app {

using core::disk_work;

}  // namespace corral::app
