#include <cstdlib>
#include <memory>

#include "api/add_header.hpp"
#include "api/door/access_check.hpp"
#include "api/door/cors_policy.hpp"
#include "api/door/health_routes.hpp"
#include "api/door/host_check.hpp"
#include "api/server_timing.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/core/text.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api {

namespace {

// The room before the routes: what every request passes, in Ollama's order.
struct front {
    explicit front(const api_context& with)
        : context(with), origins(extra_origins()), machine(read_machine_identity()) {
        add_health_routes(routes, context);
        for (const wire_format* format : all_wire_formats()) {
            format->add_routes(routes, context);
        }
    }
    static std::string extra_origins() {
        const char* set = std::getenv("OLLAMA_ORIGINS");
        std::string text = set == nullptr ? "" : set;
        std::erase(text, '"');
        std::erase(text, '\'');
        return text;
    }

    api_context context;
    cors_policy origins;
    machine_identity machine;
    std::unique_ptr<refusal_log> refusals = std::make_unique<refusal_log>();
    http::router routes;
};

// Adds the headers that an allowed origin needs to whatever the handler answers.
class cors_writer final : public http::response_writer {
public:
    cors_writer(http::response_writer& to, const cors_policy& origins, std::string origin)
        : to_(to), origins_(origins), origin_(std::move(origin)) {}
    core::awaitable<core::error_code> send(http::response whole) override {
        origins_.add_headers(whole.headers, origin_);
        return to_.send(std::move(whole));
    }
    core::awaitable<core::error_code> begin(http::response_head head) override {
        origins_.add_headers(head.headers, origin_);
        return to_.begin(std::move(head));
    }
    core::awaitable<core::error_code> write(std::string piece) override {
        return to_.write(std::move(piece));
    }
    core::awaitable<core::error_code> finish() override { return to_.finish(); }
    core::awaitable<core::error_code> finish_with(http::header_fields trailers) override {
        return to_.finish_with(std::move(trailers));
    }
    [[nodiscard]] bool started() const noexcept override { return to_.started(); }

private:
    http::response_writer& to_;
    const cors_policy& origins_;
    std::string origin_;
};

core::awaitable<void> answer_empty(http::response_writer& out, unsigned status, http::header_fields headers) {
    http::response whole;
    whole.status = status;
    whole.headers = std::move(headers);
    co_await out.send(std::move(whole));
}

core::awaitable<void> refuse_access(const front& at, access_verdict verdict, const http::request& incoming,
                                    http::response_writer& out) {
    const std::string peer = incoming.peer.address().to_string();
    if (at.refusals->worth_a_line(peer, at.context.clock->now())) {
        telemetry::log().warn("client={} {} {} refused: {}", peer, telemetry::printable(incoming.method),
                              telemetry::printable(incoming.path),
                              verdict == access_verdict::no_key ? "no API key" : "unknown API key");
    }
    http::response refused = access_refusal(verdict, incoming, *at.context.random);
    co_await out.send(std::move(refused));
}

// After CORS: the host check, the key, then the handler.
core::awaitable<void> serve_checked(std::shared_ptr<const front> at, http::request& incoming,
                                    http::response_writer& out) {
    if (at->context.loopback_only) {
        const host_verdict host = judge_host(at->machine, incoming.headers.find("Host"));
        const bool options = incoming.method == "OPTIONS";
        if (host == host_verdict::refused || (host == host_verdict::allowed_name && options)) {
            http::header_fields none;
            co_await answer_empty(out, host == host_verdict::refused ? 403 : 204, std::move(none));
            co_return;
        }
    }
    access judged = judge_access(at->context.keys, incoming);
    if (judged.verdict != access_verdict::allowed) {
        co_await refuse_access(*at, judged.verdict, incoming, out);
        co_return;
    }
    incoming.client = std::move(judged.client);
    co_await at->routes.serve(incoming, out);
}

// Beside those that Ollama allows; only for who asks, so that its answer to all others stays as it is.
void allow_own_headers(http::header_fields& to, std::string_view asked) {
    if (core::lower_case(asked).find(core::lower_case(timing_wish)) != std::string::npos) {
        add_header(to, "Access-Control-Allow-Headers", timing_wish);
    }
}

core::awaitable<void> serve(std::shared_ptr<const front> at, http::request& incoming,
                            http::response_writer& out) {
    const std::string origin(incoming.headers.find("Origin"));
    const cors_verdict verdict = at->origins.judge(origin, incoming.headers.find("Host"));
    if (verdict == cors_verdict::same_origin) {
        co_await serve_checked(at, incoming, out);
        co_return;
    }
    if (verdict == cors_verdict::refused) {
        http::header_fields none;
        co_await answer_empty(out, 403, std::move(none));
        co_return;
    }
    if (incoming.method == "OPTIONS") {
        http::header_fields preflight;
        at->origins.add_preflight_headers(preflight, origin);
        allow_own_headers(preflight, incoming.headers.find("Access-Control-Request-Headers"));
        co_await answer_empty(out, 204, std::move(preflight));
        co_return;
    }
    cors_writer with_headers(out, at->origins, origin);
    co_await serve_checked(at, incoming, with_headers);
}

}  // namespace

http::handler make_api(const api_context& context) {
    auto at = std::make_shared<const front>(context);
    return [at](http::request& incoming, http::response_writer& out) { return serve(at, incoming, out); };
}

}  // namespace corral::api
