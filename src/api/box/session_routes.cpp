// Who looks at the page: a key in the headers, a session that a key has opened, or the machine itself.

#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "api/add_header.hpp"
#include "api/box/routes.hpp"
#include "api/door/access_check.hpp"
#include "api/door/session_cookie.hpp"
#include "corral/config/session_seal.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/version.hpp"

namespace corral::api::box {

namespace {

desk_json scopes_of(const config::key_scopes& may) {
    desk_json out = desk_json::array();
    for (const std::string_view word : config::scope_names(may)) {
        out.push_back(word);
    }
    return out;
}

desk_json session_json(const api_context& context, desk_json scopes, desk_json key) {
    return {{"scopes", std::move(scopes)},
            {"key", std::move(key)},
            {"keys_required", context.keys != nullptr},
            {"box", context.box_name},
            {"version", corral::version}};
}

core::awaitable<void> tell(const api_context& context, http::request& incoming, http::response_writer& out) {
    if (context.keys == nullptr && !incoming.may_observe) {
        co_await send(refusal_without_keys(incoming), out);
        co_return;
    }
    desk_json key = context.keys == nullptr ? desk_json(nullptr) : desk_json(incoming.owner);
    co_await send(session_json(context,
                               scopes_of({incoming.may_ask, incoming.may_observe, incoming.may_operate,
                                          incoming.may_pull}),
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
        http::response refused = refusal(bad_request, core::say("page.request/keyless"));
        co_await send(std::move(refused), out);
        co_return;
    }
    const std::string share = share_of_addresses(incoming);
    const core::steady_time now = context.clock->now();
    const std::string shown = core::text_at(body, "key");
    const config::key_entry* const key = shown.empty() ? nullptr : context.keys->find(shown);
    if (key == nullptr && !context.sessions->may_try(share, now)) {
        http::response refused =
            refusal(too_many, core::say("page.refused/wrong-keys"), core::say("page.refused/do-wrong-keys"));
        add_header(refused.headers, "Retry-After", "60");
        co_await send(std::move(refused), out);
        co_return;
    }
    if (key == nullptr) {
        context.sessions->note_failure(share, now);
        http::response refused = refusal(unauthorized, core::say("page.refused/wrong-key"),
                                         core::say("page.refused/do-wrong-key"));
        co_await send(std::move(refused), out);
        co_return;
    }
    http::response whole;
    whole.content_type = "application/json; charset=utf-8";
    whole.body = session_json(context, scopes_of(key->scopes), key->name).dump();
    add_header(whole.headers, "Set-Cookie",
               session_cookie(context.sessions->open_for(*key, std::time(nullptr)),
                              config::session_seal::life, context.secure));
    add_header(whole.headers, "Cache-Control", "no-store");
    telemetry::log().info("key {} opened a session from {} event=session.opened", key->name,
                          incoming.peer.address().to_string());
    co_await send(std::move(whole), out);
}

core::awaitable<void> log_out(const api_context& context, http::request& incoming,
                              http::response_writer& out) {
    constexpr unsigned no_content = 204;
    if (context.sessions != nullptr) {
        for (const std::string_view shown : shown_sessions(incoming, context.secure)) {
            context.sessions->end(context.keys, shown, std::time(nullptr));
        }
    }
    http::response whole;
    whole.status = no_content;
    add_header(whole.headers, "Set-Cookie", session_cookie("", 0, context.secure));
    co_await send(std::move(whole), out);
}

constexpr std::string_view spent =
    "This link has been used, or is older than ten minutes.\n\n'sudo corral ui' prints a new one; it opens "
    "the page "
    "in a browser on the box.\n";

// The browser that brings a ticket may operate from then on, together with its user.
core::awaitable<void> take_ticket(const api_context& context, http::request& incoming,
                                  http::response_writer& out) {
    constexpr unsigned found = 302;
    constexpr unsigned forbidden = 403;
    std::optional<local_user> who;
    if (context.keys == nullptr && context.sessions != nullptr && context.user_at &&
        http::is_local(incoming)) {
        auto asking = context.user_at(incoming.socket);
        who = co_await std::move(asking);
    }
    http::response whole;
    add_header(whole.headers, "Cache-Control", "no-store");
    const std::string_view ticket = std::string_view(incoming.path).substr(ticket_way.size());
    if (who && context.sessions->take_ticket(ticket, context.clock->now())) {
        telemetry::log().info("a browser of user {} opened the page by a link event=session.opened",
                              who->uid);
        whole.status = found;
        add_header(whole.headers, "Location", "/ui");
        add_header(whole.headers, "Set-Cookie",
                   session_cookie(context.sessions->open_for_user(who->uid, std::time(nullptr)),
                                  config::session_seal::life, context.secure));
    } else {
        whole.status = forbidden;
        whole.content_type = "text/plain; charset=utf-8";
        whole.body = spent;
    }
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
    routes.add("GET", std::string(ticket_way) + "*",
               [context](http::request& incoming, http::response_writer& out) {
                   return take_ticket(context, incoming, out);
               });
    routes.add("DELETE", "/corral/v1/session",
               [context](http::request& incoming, http::response_writer& out) {
                   return log_out(context, incoming, out);
               });
}

}  // namespace corral::api::box
