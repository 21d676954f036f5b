#pragma once
// The request line's target, taken apart for routing.

#include <optional>
#include <string>
#include <string_view>

namespace corral::http {

struct request_target {
    std::string path;   // percent-decoded, doubled slashes and a trailing slash removed
    std::string query;  // without '?', not decoded
};

// Takes "/a/b?q", "http://host/a/b?q", and "*" with OPTIONS. Nothing for anything else, for a broken percent
// escape, and for an escape of a control character.
[[nodiscard]] std::optional<request_target> split_target(std::string_view method, std::string_view target);

}  // namespace corral::http
