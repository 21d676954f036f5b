#include "api/door/cors_policy.hpp"

#include <algorithm>
#include <array>

#include "api/add_header.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

namespace {

constexpr std::array<std::string_view, 17> default_origins{
    "http://localhost", "https://localhost", "http://localhost:*", "https://localhost:*",
    "http://127.0.0.1", "https://127.0.0.1", "http://127.0.0.1:*", "https://127.0.0.1:*",
    "http://0.0.0.0",   "https://0.0.0.0",   "http://0.0.0.0:*",   "https://0.0.0.0:*",
    "app://*",          "file://*",          "tauri://*",          "vscode-webview://*",
    "vscode-file://*"};

constexpr std::string_view allowed_request_headers =
    "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,"
    "X-Stainless-Async,X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,"
    "X-Stainless-Os,X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,"
    "X-Stainless-Runtime,X-Stainless-Runtime-Version,X-Stainless-Timeout";

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) {
        return pattern == text;
    }
    const std::string_view before = pattern.substr(0, star);
    const std::string_view after = pattern.substr(star + 1);
    return text.size() >= before.size() + after.size() && text.starts_with(before) && text.ends_with(after);
}

cors_policy::cors_policy(std::string_view extra_origins) {
    while (!extra_origins.empty()) {
        const auto comma = extra_origins.find(',');
        const std::string_view one = core::trimmed(extra_origins.substr(0, comma));
        extra_origins.remove_prefix(comma == std::string_view::npos ? extra_origins.size() : comma + 1);
        if (one == "*") {
            any_ = true;
        } else if (!one.empty()) {
            allowed_.push_back(core::lower_case(one));
        }
    }
    allowed_.insert(allowed_.end(), default_origins.begin(), default_origins.end());
}

cors_verdict cors_policy::judge(std::string_view origin, std::string_view host) const {
    if (origin.empty() || origin == "http://" + std::string(host) ||
        origin == "https://" + std::string(host)) {
        return cors_verdict::same_origin;
    }
    const std::string wanted = core::lower_case(origin);
    const bool listed = std::any_of(allowed_.begin(), allowed_.end(), [&](const std::string& pattern) {
        return matches_pattern(pattern, wanted);
    });
    return any_ || listed ? cors_verdict::allowed : cors_verdict::refused;
}

void cors_policy::add_headers(http::header_fields& fields, std::string_view origin) const {
    const std::string_view shown = any_ ? std::string_view("*") : origin;
    add_header(fields, "Access-Control-Allow-Origin", shown);
    if (!any_) {
        add_header(fields, "Vary", "Origin");
    }
}

void cors_policy::add_preflight_headers(http::header_fields& fields, std::string_view origin) const {
    add_header(fields, "Access-Control-Allow-Methods", "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS");
    add_header(fields, "Access-Control-Allow-Headers", allowed_request_headers);
    add_header(fields, "Access-Control-Max-Age", "43200");
    add_headers(fields, origin);
    if (!any_) {
        add_header(fields, "Vary", "Access-Control-Request-Method");
        add_header(fields, "Vary", "Access-Control-Request-Headers");
    }
}

}  // namespace corral::api
