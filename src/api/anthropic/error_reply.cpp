#include "api/anthropic/error_reply.hpp"

#include <array>
#include <utility>

#include "api/add_header.hpp"
#include "api/failure_status.hpp"
#include "api/json/json_writer.hpp"
#include "api/request_start.hpp"

namespace corral::api::anthropic {

namespace {

constexpr unsigned first_server_error = 500;

std::string_view type_of(unsigned status) {
    constexpr std::array<std::pair<unsigned, std::string_view>, 8> types{{
        {400, "invalid_request_error"},
        {401, "authentication_error"},
        {403, "permission_error"},
        {404, "not_found_error"},
        {413, "request_too_large"},
        {429, "rate_limit_error"},
        {503, "overloaded_error"},
        {529, "overloaded_error"},
    }};
    for (const auto& [known, type] : types) {
        if (known == status) {
            return type;
        }
    }
    return "api_error";
}

void open_envelope(json_writer& json, unsigned status, std::string_view message) {
    json.begin_object().member("type", "error").key("error").begin_object();
    json.member("type", type_of(status)).member("message", message).end_object();
}

std::string envelope(unsigned status, std::string_view message, core::random_source& random) {
    json_writer json;
    open_envelope(json, status, message);
    json.member("request_id", hex_id("req_", 24, random)).end_object();
    return json.take();
}

}  // namespace

http::response invalid_request(std::string_view message, core::random_source& random) {
    http::response out;
    out.status = 400;
    out.content_type = "application/json; charset=utf-8";
    out.body = envelope(out.status, message, random);
    return out;
}

http::response error_response(unsigned status, std::string_view message, core::random_source& random) {
    http::response out;
    out.status = status;
    out.content_type = reply_type;
    out.body = envelope(status, message, random);
    out.body += '\n';
    return out;
}

http::response error_response(const chat::failed_event& why, std::string_view typed,
                              core::random_source& random) {
    http::response out = error_response(status_of(why.kind), failure_text(why, typed), random);
    if (why.retry_after) {
        add_header(out.headers, "Retry-After", std::to_string(why.retry_after->count()));
    }
    // Anthropic's clients ask again on their own after any 5xx unless told not to.
    if (!why.retryable && out.status >= first_server_error) {
        add_header(out.headers, "x-should-retry", "false");
    }
    return out;
}

std::string error_event_data(const chat::failed_event& why, std::string_view typed) {
    json_writer json;
    open_envelope(json, status_of(why.kind), failure_text(why, typed));
    json.end_object();
    return json.take();
}

}  // namespace corral::api::anthropic
