#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/add_header.hpp"
#include "api/door/access_check.hpp"
#include "api/door/edge_marker.hpp"
#include "api/door/health_routes.hpp"
#include "api/door/origin_check.hpp"
#include "api/door/session_cookie.hpp"
#include "api/page/page_routes.hpp"
#include "api/request_start.hpp"
#include "api/server_timing.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api {

namespace {

// Before the routes: what every request passes, in Ollama's order.
struct front {
    explicit front(const api_context& with)
        : context(with), origins(extra_origins()), machine(read_machine_identity()) {
        machine.names = context.hosts;
        add_health_routes(routes, context);
        add_page_routes(routes, context);
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

// What every answer to a request carries, whichever handler gives it.
struct head_additions {
    std::string_view mark;  // of the request; empty: none
    bool for_edge = false;
    std::optional<std::string> origin;

    void add_to(const cors_policy& origins, unsigned& status, http::header_fields& headers) const {
        if (origin) {
            origins.add_headers(headers, *origin);
        }
        if (for_edge) {
            mark_for_edge(status);
        }
        add_request_mark(headers, mark);
    }
};

class head_writer final : public http::response_writer {
public:
    // REQUIRES: all that is borrowed outlives this.
    head_writer(http::response_writer& to, const cors_policy& origins, const head_additions& added)
        : to_(to), origins_(origins), added_(added) {}
    core::awaitable<core::error_code> send(http::response whole) override {
        added_.add_to(origins_, whole.status, whole.headers);
        return to_.send(std::move(whole));
    }
    core::awaitable<core::error_code> begin(http::response_head head) override {
        added_.add_to(origins_, head.status, head.headers);
        return to_.begin(std::move(head));
    }
    core::awaitable<core::error_code> write(std::string piece) override {
        return to_.write(std::move(piece));
    }
    core::awaitable<core::error_code> finish() override { return to_.finish(); }
    core::awaitable<core::error_code> finish_with(http::header_fields trailers) override {
        return to_.finish_with(std::move(trailers));
    }
    void cork(bool on) override { to_.cork(on); }
    [[nodiscard]] bool started() const noexcept override { return to_.started(); }

private:
    http::response_writer& to_;
    const cors_policy& origins_;
    const head_additions& added_;
};

http::response empty_answer(unsigned status, http::header_fields headers = {}) {
    http::response whole;
    whole.status = status;
    whole.headers = std::move(headers);
    return whole;
}

http::response refuse_access(const front& at, access_verdict verdict, const http::request& incoming) {
    const std::string peer = incoming.peer.address().to_string();
    if (at.refusals->worth_a_line(share_of_addresses(incoming), at.context.clock->now())) {
        const char* const why = verdict == access_verdict::no_key         ? "no API key"
                                : verdict == access_verdict::out_of_scope ? "out of the API key's scope"
                                                                          : "unknown API key";
        telemetry::warn(core::say("daemon.refused-client", peer, telemetry::printable(incoming.method),
                                  telemetry::printable(incoming.path), why));
    }
    return access_refusal(verdict, incoming, *at.context.random);
}

// What is answered even while the box is closed: it tells why.
bool tells_of_life(const front& at, const http::request& head) {
    const bool reads = head.method == "GET" || head.method == "HEAD";
    return reads && (head.path == "/healthz" || head.path == "/readyz" || is_page(head.path) ||
                     way_to_page(at.context, head));
}

http::response refuse_all(const front& at, const http::request& head) {
    constexpr unsigned unavailable = 503;
    http::response out = format_of(head.path).refuse(unavailable, at.context.closed, *at.context.random);
    add_header(out.headers, "Retry-After", "5");
    return out;
}

// Beside those that Ollama allows; only for who asks, so that its answer to all others stays as it is.
void allow_own_headers(http::header_fields& fields, std::string_view asked) {
    const std::string wanted = core::lower_case(asked);
    for (const std::string_view own : {timing_wish, timeout_wish, priority_wish}) {
        if (wanted.find(core::lower_case(own)) != std::string::npos) {
            add_header(fields, "Access-Control-Allow-Headers", own);
        }
    }
}

// Ollama's router has said what a path takes before anything else answers an OPTIONS.
void allow_methods(const front& at, const http::request& head, http::response& to) {
    if (std::string methods = at.routes.allowed(head.path); !methods.empty()) {
        add_header(to.headers, "Allow", std::move(methods));
    }
}

// What the head of a request alone decides.
struct entry {
    std::optional<http::response> answer;  // the whole answer; nothing: on to the routes
    access judged;
    std::optional<std::string> origin;  // each answer carries the headers for it
};

// A page of another server could have made the request, or one whose name leads here only now: then why it is refused.
core::reason why_from_elsewhere(const front& at, const http::request& head) {
    const bool programs_too = is_box(head.path);
    if (!programs_too && !(changes_packages(head) && is_browser(head))) {
        return {};
    }
    const std::string_view host = head.headers.find("Host");
    const bool known = at.context.keys == nullptr ? names_this_machine(at.machine, host)
                                                  : judge_host(at.machine, host) != host_verdict::refused;
    if (!known) {
        return core::say("page.refused/own-names");
    }
    if (is_own_browser(head)) {
        return {};
    }
    return programs_too ? core::say("page.refused/programs") : core::say("pull.not-yours/page");
}

// What a box without keys lets a program of its own machine do is decided by whose program it is.
core::awaitable<bool> operates_here(std::shared_ptr<const front> at, int socket,
                                    std::vector<std::string> shown) {
    if (!at->context.user_at) {
        co_return false;
    }
    auto asking = at->context.user_at(socket);
    const std::optional<local_user> who = co_await std::move(asking);
    if (!who || who->operates) {
        co_return who.has_value();
    }
    const config::session_seal* const sessions = at->context.sessions;
    co_return sessions != nullptr&& std::ranges::any_of(shown, [&](const std::string& one) {
        return sessions->is_of_user(who->uid, one, std::time(nullptr));
    });
}

// After CORS: the host check, then the key.
void check_host_and_key(const front& at, const http::request& head, entry& found) {
    if (at.context.loopback_only) {
        const host_verdict host = judge_host(at.machine, head.headers.find("Host"));
        const bool options = head.method == "OPTIONS";
        if (host == host_verdict::refused || (host == host_verdict::allowed_name && options)) {
            found.answer = empty_answer(host == host_verdict::refused ? 403 : 204);
            if (options) {
                allow_methods(at, head, *found.answer);
            }
            return;
        }
    }
    if (!at.context.closed.empty() && !tells_of_life(at, head)) {
        found.answer = refuse_all(at, head);
        return;
    }
    found.judged = judge_access(at.context.keys, head, at.context.sessions, at.context.secure);
    if (found.judged.verdict != access_verdict::allowed) {
        found.answer = refuse_access(at, found.judged.verdict, head);
    } else if (const core::reason why = why_from_elsewhere(at, head); !found.judged.by_key && !why.empty()) {
        constexpr unsigned forbidden = 403;
        found.answer = format_of(head.path).refuse(forbidden, why, *at.context.random);
    }
}

entry judge(const front& at, const http::request& head) {
    entry found;
    if (head.over_unix) {
        found.judged = command_line_access();
        return found;
    }
    if (head.path == "*") {  // OPTIONS, of the server as a whole
        found.answer = empty_answer(200);
        return found;
    }
    std::string origin(head.headers.find("Origin"));
    const cors_verdict verdict = at.origins.judge(origin, head.headers.find("Host"));
    if (verdict == cors_verdict::refused) {
        found.answer = empty_answer(403);
        return found;
    }
    if (verdict == cors_verdict::same_origin) {
        check_host_and_key(at, head, found);
        return found;
    }
    if (head.method == "OPTIONS") {
        http::header_fields preflight;
        at.origins.add_preflight_headers(preflight, origin);
        allow_own_headers(preflight, head.headers.find("Access-Control-Request-Headers"));
        found.answer = empty_answer(204, std::move(preflight));
        allow_methods(at, head, *found.answer);
        return found;
    }
    check_host_and_key(at, head, found);
    found.origin = std::move(origin);
    return found;
}

// An entry that holds as long as the door and its keys are those that gave it.
struct judgement {
    std::shared_ptr<const front> by;
    std::uint64_t keys = 0;
    entry found;
};

std::uint64_t present_keys(const front& at) {
    return at.context.keys == nullptr ? 0 : at.context.keys->fingerprint();
}

head_additions additions_for(const http::request& head, const entry& found) {
    return {request_mark(head), has_elsewhere(head), found.origin};
}

http::head_verdict judge_for_server(const std::shared_ptr<const front>& at, http::request& head) {
    auto made = std::make_shared<judgement>(judgement{at, present_keys(*at), judge(*at, head)});
    http::head_verdict out;
    out.refusal = made->found.answer;
    if (out.refusal) {
        additions_for(head, made->found).add_to(at->origins, out.refusal->status, out.refusal->headers);
    }
    out.owner = made->found.judged.by_key ? "key " + made->found.judged.client : std::string{};
    head.judgement = std::move(made);
    return out;
}

// In the words of its path's format, and so that a page whose request it is may read them.
http::response refuse_unread(const front& at, const http::request& head, unsigned status,
                             std::string_view text) {
    http::response out = format_of(head.path).refuse(status, text, *at.context.random);
    const std::string_view origin = head.headers.find("Origin");
    if (at.origins.judge(origin, head.headers.find("Host")) == cors_verdict::allowed) {
        at.origins.add_headers(out.headers, origin);
    }
    return out;
}

// That of the head, unless the configuration or the keys have changed while the body came in.
entry entry_of(const std::shared_ptr<const front>& at, const http::request& incoming) {
    const auto* const made = static_cast<const judgement*>(incoming.judgement.get());
    const bool holds = made != nullptr && made->by == at && made->keys == present_keys(*at);
    return holds ? made->found : judge(*at, incoming);
}

core::awaitable<void> answer(std::shared_ptr<const front> at, http::request& incoming,
                             http::response_writer& to) {
    entry found = entry_of(at, incoming);
    const head_additions added = additions_for(incoming, found);
    head_writer out(to, at->origins, added);
    if (found.answer) {
        co_await out.send(*std::move(found.answer));
        co_return;
    }
    if (std::optional<http::response> way = way_to_page(at->context, incoming)) {
        co_await out.send(*std::move(way));
        co_return;
    }
    incoming.owner = found.judged.by_key ? found.judged.client : std::string{};
    incoming.client = std::move(found.judged.client);
    incoming.may_ask = found.judged.may.inference;
    incoming.may_observe = found.judged.may.observe;
    incoming.may_operate = found.judged.may.operate;
    incoming.may_pull = found.judged.may.pull;
    if (found.judged.at_home && is_box(incoming.path)) {
        std::vector<std::string> shown;
        if (is_own_browser(incoming)) {
            const auto all = shown_sessions(incoming, at->context.secure);
            shown.assign(all.begin(), all.end());
        }
        auto proving = operates_here(at, incoming.socket, std::move(shown));
        const bool proved = co_await std::move(proving);
        incoming.may_observe = proved;
        incoming.may_operate = proved;
    }
    co_await at->routes.serve(incoming, out);
}

}  // namespace

front_door make_front_door(const api_context& context) {
    auto at = std::make_shared<const front>(context);
    return {[at](http::request& head) { return judge_for_server(at, head); },
            [at](http::request& incoming, http::response_writer& out) { return answer(at, incoming, out); },
            [at](const http::request& head, unsigned status, std::string_view text) {
                return refuse_unread(*at, head, status, text);
            }};
}

http::handler make_api(const api_context& context) {
    return make_front_door(context).serve;
}

}  // namespace corral::api
