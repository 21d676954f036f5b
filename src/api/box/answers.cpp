// What the routes of the box share.

#include "api/box/routes.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "api/add_header.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::api::box {

http::handler guarded(const api_context& context, right wanted, box_handler serve) {
    return [context, wanted, serve = std::move(serve)](http::request& incoming,
                                                       http::response_writer& out) -> core::awaitable<void> {
        constexpr unsigned forbidden = 403;
        const bool keyless = context.keys == nullptr;
        // Who operates the box pulls too; on one without keys the machine itself may.
        const bool by_key = !keyless && context.packages != nullptr && incoming.may_pull;
        const bool may = wanted == right::observe ? incoming.may_observe
                         : wanted == right::command_line
                             ? incoming.over_unix
                             : incoming.may_operate || (wanted == right::pull && by_key);
        if (may) {
            return serve(context, incoming, out);
        }
        if (wanted == right::command_line) {
            return send(
                refusal(forbidden, core::say("page.refused/on-box"), core::say("page.refused/do-on-box")),
                out);
        }
        const std::string scope = wanted == right::observe ? "observe" : "operate";
        return send(keyless ? refusal_without_keys(incoming)
                            : refusal(forbidden, core::say("page.refused/scope", scope),
                                      core::say("page.refused/do-scope", scope)),
                    out);
    };
}

core::awaitable<void> send(http::response whole, http::response_writer& out) {
    co_await out.send(std::move(whole));
}

namespace {

http::response json_response(std::string body) {
    http::response whole;
    whole.content_type = "application/json; charset=utf-8";
    whole.body = std::move(body);
    add_header(whole.headers, "Cache-Control", "no-store");
    return whole;
}

}  // namespace

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
               ? refusal(forbidden, core::say("page.refused/own-user"), core::say("page.refused/do-own-user"))
               : refusal(forbidden, core::say("page.refused/own-machine"),
                         core::say("page.refused/do-own-machine"));
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

core::awaitable<void> send(desk_json body, http::response_writer& out, unsigned status) {
    http::response whole = json_response(body.dump(-1, ' ', false, desk_json::error_handler_t::replace));
    whole.status = status;
    co_await out.send(std::move(whole));
}

core::awaitable<void> answer_command(core::result<desk_answer> answer, unsigned status_of_error,
                                     http::response_writer& out) {
    if (!answer) {
        co_await send(refusal_of(answer.error()), out);
        co_return;
    }
    http::response whole = answer->refusal.empty() ? json_response(std::move(answer->body))
                                                   : refusal(status_of_error, answer->refusal);
    co_await send(std::move(whole), out);
}

core::awaitable<desk_json> body_of(const http::request& incoming, http::response_writer& out) {
    constexpr unsigned bad_request = 400;
    constexpr std::size_t most = 64UL * 1024;
    if (incoming.body.empty()) {
        co_return desk_json::object();
    }
    desk_json read = core::parse_json<desk_json>(incoming.body, {8, most});
    if (read.is_object()) {
        co_return read;
    }
    http::response refused = refusal(bad_request, core::say("page.request/body"));
    co_await out.send(std::move(refused));
    co_return desk_json(nullptr);
}

}  // namespace corral::api::box
