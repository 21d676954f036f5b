#include "api/openai/error_reply.hpp"

#include "api/add_header.hpp"
#include "api/failure_status.hpp"
#include "api/json/json_writer.hpp"

namespace corral::api::openai {

namespace {

constexpr unsigned first_server_error = 500;

std::string_view type_of(unsigned status) {
    switch (status) {
        case 400:
            return "invalid_request_error";
        case 404:
            return "not_found_error";
        default:
            return "api_error";
    }
}

}  // namespace

std::string error_object(unsigned status, std::string_view text) {
    json_writer json;
    json.begin_object().key("error").begin_object();
    json.member("message", text).member("type", type_of(status));
    json.key("param").tree(nullptr).key("code").tree(nullptr);
    json.end_object().end_object();
    return json.take();
}

http::response rejection(const decode_problem& why) {
    http::response out;
    out.status = why.status;
    out.content_type = "application/json; charset=utf-8";
    out.body = error_object(why.status, why.message);
    return out;
}

http::response error_response(unsigned status, std::string_view text) {
    http::response out;
    out.status = status;
    out.content_type = reply_type;
    out.body = error_object(status, text);
    out.body += '\n';
    return out;
}

http::response error_response(const chat::failed_event& why, std::string_view typed) {
    http::response out = error_response(status_of(why.kind), failure_text(why, typed));
    if (why.retry_after) {
        add_header(out.headers, "Retry-After", std::to_string(why.retry_after->count()));
    }
    // OpenAI's clients ask again on their own after any 5xx unless told not to.
    if (!why.retryable && out.status >= first_server_error) {
        add_header(out.headers, "x-should-retry", "false");
    }
    return out;
}

http::response refuse(unsigned status, std::string_view text, core::random_source&) {
    return error_response(status, text);
}

}  // namespace corral::api::openai
