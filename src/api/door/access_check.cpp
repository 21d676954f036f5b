#include "api/door/access_check.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <utility>

#include "api/add_header.hpp"
#include "api/door/session_cookie.hpp"
#include "api/page/page_routes.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

namespace {

// The word behind "Bearer"; empty for another scheme.
std::string_view bearer_key(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer";
    authorization = core::trimmed(authorization);
    if (core::lower_case(authorization.substr(0, scheme.size())) != scheme) {
        return {};
    }
    const std::string_view rest = authorization.substr(scheme.size());
    return rest.empty() || (rest.front() != ' ' && rest.front() != '\t') ? std::string_view{}
                                                                         : core::trimmed(rest);
}

// Both places where a key may be; some clients fill both, one of them with a word that means nothing.
std::array<std::string_view, 2> shown_keys(const http::request& incoming) {
    return {bearer_key(incoming.headers.find("Authorization")),
            core::trimmed(incoming.headers.find("x-api-key"))};
}

bool reads(const http::request& incoming) {
    return incoming.method == "GET" || incoming.method == "HEAD";
}

bool open_to_all(const http::request& incoming) {
    if (incoming.path == "/corral/v1/session" && incoming.method != "GET") {
        return is_own_browser(incoming);  // a log-in, and a log-out
    }
    return reads(incoming) && (incoming.path == "/" || incoming.path == "/healthz" ||
                               incoming.path == "/readyz" || is_page(incoming.path));
}

const config::key_entry* key_of(const config::key_ring& keys, const http::request& incoming) {
    for (const std::string_view key : shown_keys(incoming)) {
        const config::key_entry* const found = key.empty() ? nullptr : keys.find(key);
        if (found != nullptr) {
            return found;
        }
    }
    return nullptr;
}

bool in_scope(const config::key_scopes& scopes, const http::request& incoming) {
    return is_box(incoming.path) || scopes.inference || reads(incoming) ||
           (scopes.pull && changes_packages(incoming));
}

// Whoever operates the box pulls too.
config::key_scopes whole(config::key_scopes scopes) {
    scopes.pull = scopes.pull || scopes.operate;
    return scopes;
}

// A proxy on this machine asks for others.
bool was_forwarded(const http::request& incoming) {
    constexpr std::string_view family = "x-forwarded-";
    static constexpr std::array<std::string_view, 3> marks{"Forwarded", "X-Real-IP", "Via"};
    return std::ranges::any_of(marks,
                               [&](std::string_view name) { return incoming.headers.contains(name); }) ||
           std::ranges::any_of(incoming.headers.all(), [&](const auto& field) {
               return core::lower_case(field.first.substr(0, family.size())) == family;
           });
}

}  // namespace

std::string share_of_addresses(const http::request& incoming) {
    return incoming.share.empty() ? incoming.peer.address().to_string() : incoming.share;
}

bool is_box(std::string_view path) {
    return path.starts_with("/corral/v1/");
}

bool changes_packages(const http::request& incoming) {
    return (incoming.method == "POST" && incoming.path == "/api/pull") ||
           (incoming.method == "DELETE" && incoming.path == "/api/delete");
}

access judge_access(const config::key_ring* keys, const http::request& incoming,
                    const config::session_seal* sessions, bool secure) {
    const config::key_entry* key = keys == nullptr ? nullptr : key_of(*keys, incoming);
    if (key == nullptr && keys != nullptr && sessions != nullptr && is_own_browser(incoming)) {
        for (const std::string_view shown : shown_sessions(incoming, secure)) {
            key = key != nullptr ? key : sessions->find(*keys, shown, std::time(nullptr));
        }
    }
    if (key != nullptr) {
        const config::key_scopes may = whole(key->scopes);
        const auto verdict = in_scope(may, incoming) ? access_verdict::allowed : access_verdict::out_of_scope;
        return {verdict, key->name, true, may, false};
    }
    if (keys != nullptr && !open_to_all(incoming)) {
        const auto shown = shown_keys(incoming);
        const bool none = shown[0].empty() && shown[1].empty();
        return {none ? access_verdict::no_key : access_verdict::unknown_key, {}, false, {}, false};
    }
    const bool keyless = keys == nullptr;
    const bool home = keyless && http::is_local(incoming) && !was_forwarded(incoming);
    return {
        access_verdict::allowed, share_of_addresses(incoming), false, {keyless, false, false, home}, home};
}

access command_line_access() {
    return {access_verdict::allowed, "command line", false, {true, true, true, true}, false};
}

bool may_read_names(const config::key_ring* keys, const http::request& incoming) {
    return keys == nullptr ? http::is_local(incoming) : key_of(*keys, incoming) != nullptr;
}

http::response access_refusal(access_verdict verdict, const http::request& incoming,
                              core::random_source& random) {
    constexpr unsigned unauthorized = 401;
    constexpr unsigned forbidden = 403;
    if (verdict == access_verdict::out_of_scope) {
        return format_of(incoming.path).refuse(forbidden, core::say("request.key-scope"), random);
    }
    const core::reason text = verdict == access_verdict::no_key ? core::say("request.key-missing")
                                                                : core::say("request.key-unknown");
    http::response out = format_of(incoming.path).refuse(unauthorized, text, random);
    add_header(out.headers, "WWW-Authenticate", "Bearer");
    return out;
}

bool refusal_log::worth_a_line(const std::string& share, core::steady_time now) {
    constexpr std::size_t most_shares = 256;
    constexpr core::seconds between{60};
    std::erase_if(logged_, [&](const auto& one) { return now - one.second >= between; });
    if (logged_.size() >= most_shares) {
        return false;
    }
    return logged_.emplace(share, now).second;
}

}  // namespace corral::api
