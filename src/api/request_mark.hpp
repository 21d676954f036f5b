#pragma once
// X-Request-Id: the name that a balancer or a client gives a request, so that one word finds it in the logs of both.

#include <string_view>

#include "corral/http/message.hpp"

namespace corral::api {

inline constexpr std::string_view request_mark_field = "X-Request-Id";

// What the request brings: 1 to 128 of A-Z a-z 0-9 - _ . : and empty for anything else, which is ignored.
[[nodiscard]] std::string_view request_mark(const http::request& of);

// Gives it back in each answer.
class marked_writer final : public http::response_writer {
public:
    // REQUIRES: both outlive this.
    marked_writer(http::response_writer& to, std::string_view mark) : to_(to), mark_(mark) {}
    core::awaitable<core::error_code> send(http::response whole) override;
    core::awaitable<core::error_code> begin(http::response_head head) override;
    core::awaitable<core::error_code> write(std::string piece) override;
    core::awaitable<core::error_code> finish() override;
    core::awaitable<core::error_code> finish_with(http::header_fields trailers) override;
    [[nodiscard]] bool started() const noexcept override { return to_.started(); }

private:
    http::response_writer& to_;
    std::string_view mark_;
};

// Nothing where there is no mark.
void add_request_mark(http::header_fields& to, std::string_view mark);

}  // namespace corral::api
