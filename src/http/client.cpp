#include "corral/http/client.hpp"

#include <memory>
#include <utility>

#include "corral/http/reply_stream.hpp"

namespace corral::http {

core::awaitable<core::result<client_reply>> call(client_call what) {
    const core::deadline until = what.until;
    const std::size_t most = what.max_reply_bytes;
    stream_call request;
    request.to = what.to;
    request.method = std::move(what.method);
    request.target = std::move(what.target);
    request.content_type = std::move(what.content_type);
    request.body = std::move(what.body);
    request.until = until;
    request.max_body_bytes = most;
    request.kept = std::move(what.kept);
    request.gone = std::move(what.gone);
    auto opened = co_await reply_stream::open(std::move(request));
    if (!opened) {
        co_return opened.error();
    }
    reply_stream& stream = **opened;
    core::result<std::string> body = co_await read_all(stream, most, until);
    if (!body) {
        co_return body.error();
    }
    co_return client_reply{stream.status(), std::move(*body)};
}

}  // namespace corral::http
