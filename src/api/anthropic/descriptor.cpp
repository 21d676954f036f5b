#include <array>

#include "api/anthropic/error_reply.hpp"
#include "api/anthropic/messages_route.hpp"
#include "api/wire_formats.hpp"

namespace corral::api::anthropic {

namespace {

constexpr std::array<std::string_view, 1> paths{"/v1/messages"};

}  // namespace

const wire_format descriptor{paths, &add_messages_routes, &error_response};

}  // namespace corral::api::anthropic
