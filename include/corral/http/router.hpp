#pragma once
// Finds the handler of a request by path and method, and answers what has none: 404, 405 with Allow
// (docs/facts/ollama_wire.md#routes).

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/http/message.hpp"

namespace corral::http {

// What identifies callers writes the request; routes take it as const.
using handler = std::function<core::awaitable<void>(request&, response_writer&)>;

// What is found at the head of a request, before its body is read.
struct head_verdict {
    std::optional<response>
        refusal;        // sent at once, and the body is not wanted; nothing: go on to the handler
    std::string owner;  // whose request it is, for shares; empty: its address's
};
// Does not wait. For a request without a body only the owner counts: its handler refuses too.
using head_judge = std::function<head_verdict(request& head)>;
// How a request is refused that no handler may see (400, 408, 413, 431, 503). `head` holds what was read of it, which may
// be nothing.
using refusal_writer = std::function<response(const request& head, unsigned status, std::string_view text)>;

class router {
public:
    // `path` is exact, or ends in "/*", which stands for one more segment, whatever it is. A GET route serves
    // HEAD only if "HEAD" was added too.
    void add(std::string method, std::string path, handler serve);

    // Refusals of paths that begin with `prefix` in words of their own: `refuse` gets the status, 404 or 405.
    using refuser = std::function<response(unsigned status)>;
    void refuse_below(std::string prefix, refuser refuse);

    // Serves `incoming`. Unknown path: 404 text/plain "404 page not found"; known path, other method: 405
    // text/plain "405 method not allowed" with Allow in the order HEAD, GET, POST, DELETE; or what refuse_below()
    // says, with the same Allow.
    [[nodiscard]] core::awaitable<void> serve(request& incoming, response_writer& out) const;

    // The methods of a path, as they stand in Allow; empty for an unknown one.
    [[nodiscard]] std::string allowed(std::string_view path) const;

private:
    struct route {
        std::string method;
        std::string path;
        handler serve;
    };
    [[nodiscard]] response refusal(std::string_view path, unsigned status) const;

    std::vector<route> routes_;
    std::vector<std::pair<std::string, refuser>> refusers_;
};

}  // namespace corral::http
