#pragma once
// The descriptors that all_wire_formats() lists.

#include "corral/api/wire_format.hpp"

namespace corral::api {

namespace anthropic {
extern const wire_format descriptor;
}
namespace box {
extern const wire_format descriptor;
}
namespace ollama {
extern const wire_format descriptor;
}
namespace openai {
extern const wire_format descriptor;
}

}  // namespace corral::api
