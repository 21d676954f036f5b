#include "api/door/edge_marker.hpp"

#include "corral/core/text.hpp"

namespace corral::api {

bool has_elsewhere(const http::request& head) {
    return core::equal_ignoring_case(head.headers.find(edge_header), edge_retry);
}

void mark_for_edge(unsigned& status) noexcept {
    constexpr unsigned unavailable = 503;
    if (status == unavailable) {
        status = ask_elsewhere;
    }
}

}  // namespace corral::api
