#include "api/door/edge_marker.hpp"

#include <utility>

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

core::awaitable<core::error_code> edge_writer::send(http::response whole) {
    mark_for_edge(whole.status);
    return to_.send(std::move(whole));
}

core::awaitable<core::error_code> edge_writer::begin(http::response_head head) {
    mark_for_edge(head.status);
    return to_.begin(std::move(head));
}

core::awaitable<core::error_code> edge_writer::write(std::string piece) {
    return to_.write(std::move(piece));
}

core::awaitable<core::error_code> edge_writer::finish() {
    return to_.finish();
}

core::awaitable<core::error_code> edge_writer::finish_with(http::header_fields trailers) {
    return to_.finish_with(std::move(trailers));
}

bool edge_writer::started() const noexcept {
    return to_.started();
}

}  // namespace corral::api
