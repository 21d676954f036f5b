// Who looks at the page: a key in the headers, a session that a key has opened, or the machine itself.

#include <ctime>
#include <utility>

#include "api/add_header.hpp"
#include "api/box/error_reply.hpp"
#include "api/box/routes.hpp"
#include "api/door/session_cookie.hpp"
#include "corral/config/session_seal.hpp"
#include "corral/core/json_members.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"

namespace corral::api::box {

namespace {

desk_json scopes_of(bool inference, bool observe, bool operate) {
    desk_json out = desk_json::array();
    if (inference) {
        out.push_back("inference");
    }
    if (observe) {
        out.push_back("observe");
    }
    if (operate) {
        out.push_back("operate");
    }
    return out;
}

desk_json session_json(const api_context& context, desk_json scopes, desk_json key) {
    return {{"scopes", std::move(scopes)},
            {"key", std::move(key)},
            {"keys_required", context.keys != nullptr},
            {"version", corral::version}};
}

core::awaitable<void> tell(const api_context& context, http::request& incoming, http::response_writer& out) {
    constexpr unsigned forbidden = 403;
    if (context.keys == nullptr && !incoming.may_observe) {
        co_await send(
            refusal(forbidden,
                    "this server asks for no API keys, so only its own machine may see how it fares",
                    "Make a key on its machine by 'corral key new NAME --scope observe', and name the "
                    "file of keys in [access]."),
            out);
        co_return;
    }
    desk_json key = context.keys == nullptr ? desk_json(nullptr) : desk_json(incoming.owner);
    co_await send(
        session_json(context, scopes_of(incoming.may_ask, incoming.may_observe, incoming.may_operate),
                     std::move(key)),
        out);
}

core::awaitable<void> log_in(const api_context& context, http::request& incoming,
                             http::response_writer& out) {
    constexpr unsigned bad_request = 400;
    constexpr unsigned unauthorized = 401;
    constexpr unsigned too_many = 429;
    const desk_json body = co_await body_of(incoming, out);
    if (body.is_null()) {
        co_return;
    }
    if (context.keys == nullptr || context.sessions == nullptr) {
        co_await send(
            refusal(bad_request, "this server asks for no API keys, so there is nothing to log in to"), out);
        co_return;
    }
    const std::string peer = incoming.peer.address().to_string();
    const core::steady_time now = context.clock->now();
    const std::string shown = core::text_at(body, "key");
    const config::key_entry* const key = shown.empty() ? nullptr : context.keys->find(shown);
    if (key == nullptr && !context.sessions->may_try(peer, now)) {
        http::response refused =
            refusal(too_many, "too many wrong keys came from this address", "Wait a minute, then try again.");
        add_header(refused.headers, "Retry-After", "60");
        co_await send(std::move(refused), out);
        co_return;
    }
    if (key == nullptr) {
        context.sessions->note_failure(peer, now);
        co_await send(refusal(unauthorized, "this is no API key of this server",
                              "Whoever runs it can make one by 'corral key new NAME --scope "
                              "inference,observe,operate'."),
                      out);
        co_return;
    }
    http::response whole;
    whole.content_type = "application/json; charset=utf-8";
    whole.body =
        session_json(context, scopes_of(key->scopes.inference, key->scopes.observe, key->scopes.operate),
                     key->name)
            .dump();
    add_header(whole.headers, "Set-Cookie",
               session_cookie(context.sessions->open_for(*key, std::time(nullptr)),
                              config::session_seal::life, context.secure));
    add_header(whole.headers, "Cache-Control", "no-store");
    telemetry::log().info("key {} opened a session from {} event=session.opened", key->name, peer);
    co_await send(std::move(whole), out);
}

core::awaitable<void> log_out(const api_context& context, http::request& incoming,
                              http::response_writer& out) {
    constexpr unsigned no_content = 204;
    if (context.sessions != nullptr) {
        context.sessions->end(shown_session(incoming));
    }
    http::response whole;
    whole.status = no_content;
    add_header(whole.headers, "Set-Cookie", session_cookie("", 0, context.secure));
    co_await send(std::move(whole), out);
}

}  // namespace

void add_session_routes(http::router& routes, const api_context& context) {
    routes.add("GET", "/corral/v1/session", [context](http::request& incoming, http::response_writer& out) {
        return tell(context, incoming, out);
    });
    routes.add("POST", "/corral/v1/session", [context](http::request& incoming, http::response_writer& out) {
        return log_in(context, incoming, out);
    });
    routes.add("DELETE", "/corral/v1/session",
               [context](http::request& incoming, http::response_writer& out) {
                   return log_out(context, incoming, out);
               });
}

}  // namespace corral::api::box
