#include "api/ollama/error_reply.hpp"

#include "api/add_header.hpp"
#include "api/failure_status.hpp"
#include "api/json/json_writer.hpp"

namespace corral::api::ollama {

std::string error_body(std::string_view text) {
    json_writer json;
    json.begin_object().member("error", text).end_object();
    return json.take();
}

http::response error_response(unsigned status, std::string_view text, std::string content_type) {
    http::response out;
    out.status = status;
    out.content_type = std::move(content_type);
    out.body = error_body(text);
    return out;
}

http::response bare_response(const decode_problem& problem) {
    return problem.found() ? error_response(problem.status, problem.message) : http::response{};
}

http::response error_response(const chat::failed_event& why, std::string_view typed,
                              std::string content_type) {
    http::response out =
        error_response(status_of(why.kind), failure_text(why, typed), std::move(content_type));
    if (why.retry_after) {
        add_header(out.headers, "Retry-After", std::to_string(why.retry_after->count()));
    }
    return out;
}

}  // namespace corral::api::ollama
