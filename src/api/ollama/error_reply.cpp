#include "api/ollama/error_reply.hpp"

#include "api/add_header.hpp"
#include "api/failure_status.hpp"
#include "api/json_writer.hpp"
#include "api/ollama/model_lookup.hpp"

namespace corral::api::ollama {

std::string error_body(std::string_view text) {
    json_writer json;
    json.begin_object().member("error", text).end_object();
    return json.take();
}

std::string error_text(const chat::failed_event& why, std::string_view typed) {
    switch (why.kind) {
        case chat::failure_kind::queue_full:
            return "server busy, please try again.  maximum pending requests exceeded";
        case chat::failure_kind::model_not_found:
            return not_found_text(typed);
        case chat::failure_kind::cancelled:
            return "request canceled";
        default:
            return why.message.empty() ? name_of(why.kind) : why.message;
    }
}

http::response error_response(unsigned status, std::string_view text, std::string content_type) {
    http::response out;
    out.status = status;
    out.content_type = std::move(content_type);
    out.body = error_body(text);
    return out;
}

http::response error_response(const chat::failed_event& why, std::string_view typed,
                              std::string content_type) {
    http::response out = error_response(status_of(why.kind), error_text(why, typed), std::move(content_type));
    if (why.retry_after) {
        add_header(out.headers, "Retry-After", std::to_string(why.retry_after->count()));
    }
    return out;
}

}  // namespace corral::api::ollama
