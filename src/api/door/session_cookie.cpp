#include "api/door/session_cookie.hpp"

#include "corral/core/text.hpp"

namespace corral::api {

namespace {

// Over TLS a name that browsers take from this very host alone, and over TLS alone.
constexpr std::string_view plain_name = "corral_session";
constexpr std::string_view secure_name = "__Host-corral_session";
constexpr std::size_t most_shown = 32;

}  // namespace

std::string session_cookie(std::string_view value, std::int64_t life, bool secure) {
    std::string out(secure ? secure_name : plain_name);
    out += '=';
    out += value;
    out += "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(life);
    out += secure ? "; Secure" : "";
    return out;
}

std::vector<std::string_view> shown_sessions(const http::request& incoming, bool secure) {
    const std::string_view wanted = secure ? secure_name : plain_name;
    std::vector<std::string_view> out;
    for (const auto& [name, value] : incoming.headers.all()) {
        if (!core::equal_ignoring_case(name, "Cookie")) {
            continue;
        }
        for (const std::string_view each : core::split(value, ';')) {
            const std::string_view one = core::trimmed(each);
            const std::string_view key = one.substr(0, one.find('='));
            if (key.size() < one.size() && key == wanted && out.size() < most_shown) {
                out.push_back(one.substr(key.size() + 1));
            }
        }
    }
    return out;
}

bool is_own_browser(const http::request& incoming) {
    const std::string_view site = incoming.headers.find("Sec-Fetch-Site");
    if (!site.empty() && site != "same-origin" && site != "none") {
        return false;
    }
    const std::string_view origin = incoming.headers.find("Origin");
    const std::string host(incoming.headers.find("Host"));
    if (!origin.empty() && origin != "http://" + host && origin != "https://" + host) {
        return false;
    }
    const bool reads = incoming.method == "GET" || incoming.method == "HEAD";
    return reads || incoming.headers.contains("X-Corral-Action");
}

bool is_browser(const http::request& incoming) {
    return incoming.headers.contains("Origin") || incoming.headers.contains("Sec-Fetch-Site");
}

}  // namespace corral::api
