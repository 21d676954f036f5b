#pragma once
// Which web pages may talk to this server (docs/facts/ollama_wire.md#hosts-and-origins).

#include <string>
#include <string_view>
#include <vector>

#include "corral/http/message.hpp"

namespace corral::api {

enum class cors_verdict {
    same_origin,  // nothing to add
    allowed,
    refused,
};

class cors_policy {
public:
    // `extra_origins`: comma separated, before the default list; a pattern may hold one '*'; "*" alone allows
    // all.
    explicit cors_policy(std::string_view extra_origins);

    [[nodiscard]] cors_verdict judge(std::string_view origin, std::string_view host) const;
    // For an answer to an allowed origin.
    void add_headers(http::header_fields& fields, std::string_view origin) const;
    // For the answer to its preflight, 204.
    void add_preflight_headers(http::header_fields& fields, std::string_view origin) const;

private:
    std::vector<std::string> allowed_;  // lower case
    bool any_ = false;
};

// True when the two are equal, or `pattern` has one '*' and the text begins and ends with what is around it.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace corral::api
