// The API keys of the box; a key itself is shown once, when it is made.

#include <utility>

#include "api/box/routes.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::api::box {

namespace {

desk_json words_of(const config::key_scopes& scopes) {
    desk_json out = desk_json::array();
    for (const std::string_view word : config::scope_names(scopes)) {
        out.push_back(word);
    }
    return out;
}

desk_json all_keys(const config::key_ring* keys) {
    desk_json rows = desk_json::array();
    if (keys != nullptr) {
        for (const config::key_entry& one : keys->all()) {
            rows.push_back({{"name", one.name},
                            {"scopes", words_of(one.scopes)},
                            {"made_by", one.made_by.empty() ? desk_json(nullptr) : desk_json(one.made_by)}});
        }
    }
    return {{"enabled", keys != nullptr}, {"keys", std::move(rows)}};
}

desk_json new_key(const std::string& name, const config::key_scopes& scopes, const std::string& key) {
    return {{"name", name}, {"scopes", words_of(scopes)}, {"key", key}};
}

core::awaitable<void> list_keys(const api_context& context, http::request&, http::response_writer& out) {
    desk_json body = all_keys(context.keys);
    co_await send(std::move(body), out);
}

core::awaitable<void> make_key(const api_context& context, http::request& incoming,
                               http::response_writer& out) {
    constexpr unsigned bad_request = 400;
    constexpr unsigned forbidden = 403;
    const desk_json body = co_await body_of(incoming, out);
    if (body.is_null()) {
        co_return;
    }
    std::string typed;
    for (const desk_json& one : core::list_at(body, "scopes")) {
        typed += (typed.empty() ? "" : ",") + (one.is_string() ? one.get<std::string>() : std::string("?"));
    }
    const auto scopes = config::parse_scopes(typed);
    const std::string name = core::text_at(body, "name");
    if (!scopes || !config::is_new_key_name(name)) {
        http::response refused = refusal(bad_request, scopes ? core::say("configuration.key-file/key-name")
                                                             : core::say("page.request/scopes"));
        co_await send(std::move(refused), out);
        co_return;
    }
    const config::key_scopes own{incoming.may_ask, incoming.may_observe, incoming.may_operate,
                                 incoming.may_pull};
    if (!config::holds(own, *scopes)) {
        http::response refused =
            refusal(forbidden, core::say("page.refused/more-scopes", config::scopes_text(own)),
                    core::say("page.refused/do-more-scopes"));
        co_await send(std::move(refused), out);
        co_return;
    }
    auto making = context.desk->make_key(name, *scopes, incoming.owner);
    core::result<std::string> key = co_await std::move(making);
    if (!key) {
        co_await send(refusal_of(key.error()), out);
        co_return;
    }
    desk_json answer = new_key(name, *scopes, *key);
    co_await send(std::move(answer), out);
}

core::awaitable<void> remove_key(const api_context& context, http::request& incoming,
                                 http::response_writer& out) {
    const std::string name = incoming.path.substr(incoming.path.rfind('/') + 1);
    auto removing = context.desk->remove_key(name);
    const core::result<std::vector<std::string>> removed = co_await std::move(removing);
    if (!removed) {
        co_await send(refusal_of(removed.error()), out);
        co_return;
    }
    desk_json answer = {{"name", name}, {"had_made", *removed}};
    co_await send(std::move(answer), out);
}

}  // namespace

void add_key_routes(http::router& routes, const api_context& context) {
    routes.add("GET", "/corral/v1/keys", guarded(context, right::operate, list_keys));
    routes.add("POST", "/corral/v1/keys", guarded(context, right::operate, make_key));
    routes.add("DELETE", "/corral/v1/keys/*", guarded(context, right::operate, remove_key));
}

}  // namespace corral::api::box
