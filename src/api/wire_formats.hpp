#pragma once
// The descriptors that all_wire_formats() lists.

#include "corral/api/wire_format.hpp"

namespace corral::api {

namespace ollama {
extern const wire_format descriptor;
}

}  // namespace corral::api
