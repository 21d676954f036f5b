#include "engine/dialects/ax_poll/runtime_link.hpp"

#include <utility>

namespace corral::engine::ax_poll {

core::awaitable<core::result<http::client_reply>> runtime_link::call(const char* method, const char* target,
                                                                     std::string body) const {
    http::client_call what;
    what.to = *to_;
    what.method = method;
    what.target = target;
    if (!body.empty()) {
        what.content_type = "application/json";
        what.body = std::move(body);
    }
    what.until = core::deadline::after(limit_, clock_.now());
    co_return co_await http::call(std::move(what));
}

core::awaitable<core::result<control_reply>> runtime_link::control(const char* method, const char* target,
                                                                   std::string body) const {
    auto reply = co_await call(method, target, std::move(body));
    if (!reply) {
        co_return reply.error();
    }
    co_return control_reply{control_answer(*reply), reply->status};
}

core::awaitable<core::result<control_reply>> runtime_link::reset(std::string system) const {
    std::string body = reset_body(system);
    co_return co_await control("POST", "/api/reset", std::move(body));
}

core::awaitable<core::result<control_reply>> runtime_link::generate(std::string prompt,
                                                                    wire_sampling sampling) const {
    std::string body = generate_body(prompt, sampling);
    co_return co_await control("POST", "/api/generate", std::move(body));
}

core::awaitable<core::result<control_reply>> runtime_link::stop() const {
    std::string none;
    co_return co_await control("GET", "/api/stop", std::move(none));
}

core::awaitable<core::result<poll_answer>> runtime_link::poll() const {
    std::string none;
    auto reply = co_await call("GET", "/api/generate_provider", std::move(none));
    if (!reply) {
        co_return reply.error();
    }
    co_return parse_poll(*reply);
}

}  // namespace corral::engine::ax_poll
