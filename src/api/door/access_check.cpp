#include "api/door/access_check.hpp"

#include <array>
#include <optional>
#include <utility>

#include "api/add_header.hpp"
#include "corral/api/wire_format.hpp"
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

bool open_to_all(const http::request& incoming) {
    const bool reads = incoming.method == "GET" || incoming.method == "HEAD";
    return reads && (incoming.path == "/" || incoming.path == "/healthz" || incoming.path == "/readyz");
}

std::optional<std::string> key_owner(const config::key_ring& keys, const http::request& incoming) {
    for (const std::string_view key : shown_keys(incoming)) {
        auto owner = key.empty() ? std::nullopt : keys.owner_of(key);
        if (owner) {
            return owner;
        }
    }
    return std::nullopt;
}

}  // namespace

access judge_access(const config::key_ring* keys, const http::request& incoming) {
    auto owner = keys == nullptr ? std::nullopt : key_owner(*keys, incoming);
    if (owner) {
        return {access_verdict::allowed, *std::move(owner), true};
    }
    if (keys != nullptr && !open_to_all(incoming)) {
        const auto shown = shown_keys(incoming);
        const bool none = shown[0].empty() && shown[1].empty();
        return {none ? access_verdict::no_key : access_verdict::unknown_key, {}};
    }
    return {access_verdict::allowed, incoming.peer.address().to_string()};
}

bool may_read_names(const config::key_ring* keys, const http::request& incoming) {
    return keys == nullptr ? incoming.peer.address().is_loopback() : key_owner(*keys, incoming).has_value();
}

http::response access_refusal(access_verdict verdict, const http::request& incoming,
                              core::random_source& random) {
    constexpr unsigned unauthorized = 401;
    const std::string_view text =
        verdict == access_verdict::no_key
            ? "this server needs an API key: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'"
            : "unknown API key; whoever runs this server can make one with 'corral key new NAME'";
    http::response out = format_of(incoming.path).refuse(unauthorized, text, random);
    add_header(out.headers, "WWW-Authenticate", "Bearer");
    return out;
}

bool refusal_log::worth_a_line(const std::string& peer, core::steady_time now) {
    constexpr std::size_t most_peers = 256;
    constexpr core::seconds between{60};
    std::erase_if(told_, [&](const auto& one) { return now - one.second >= between; });
    if (told_.size() >= most_peers) {
        return false;
    }
    return told_.emplace(peer, now).second;
}

}  // namespace corral::api
