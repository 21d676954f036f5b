#include "api/box/error_reply.hpp"

#include <nlohmann/json.hpp>

#include "api/add_header.hpp"
#include "corral/core/say.hpp"

namespace corral::api::box {

http::response refusal(unsigned status, std::string_view error, std::string_view advice) {
    using json = nlohmann::ordered_json;
    json body = {{"error", error}};
    if (!advice.empty()) {
        body["advice"] = advice;
    }
    http::response out;
    out.status = status;
    out.content_type = "application/json; charset=utf-8";
    out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    add_header(out.headers, "Cache-Control", "no-store");
    return out;
}

http::response error_response(unsigned status, std::string_view error, core::random_source&) {
    return refusal(status, error);
}

http::response refusal_without_keys(const http::request& incoming) {
    constexpr unsigned forbidden = 403;
    return http::is_local(incoming)
               ? refusal(forbidden, core::say("page.refused/own-user"),
                         "Open the link that 'sudo corral ui' prints, or let a group of users in by "
                         "'operators' in [access].")
               : refusal(forbidden, core::say("page.refused/own-machine"),
                         "Make a key on its machine by 'corral key new NAME --scope observe', and name the "
                         "file of keys in [access].");
}

http::response refusal_of(const core::failure& why) {
    constexpr unsigned conflict = 409;
    constexpr unsigned busy = 503;
    constexpr unsigned failed = 500;
    constexpr unsigned unknown = 404;
    const unsigned status = why.code == core::errc::refused          ? conflict
                            : why.code == core::errc::not_found      ? unknown
                            : why.code == core::errc::limit_exceeded ? busy
                                                                     : failed;
    http::response out = refusal(status, why.message);
    if (status == busy) {
        add_header(out.headers, "Retry-After", "5");
    }
    return out;
}

}  // namespace corral::api::box
