#include "engine/dialects/ax_poll/runtime_link.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"

namespace corral::engine::ax_poll {

namespace {

using namespace core::asio::experimental::awaitable_operators;
using supervisor::seconds_text;

// A poll that comes late has a whole answer, each character of it escaped.
constexpr std::size_t most_reply = 2UL * 1024 * 1024;
// A wait is cut so, to see how late the loop is.
constexpr core::nanoseconds lateness_slice = core::milliseconds{250};

}  // namespace

core::awaitable<core::result<http::client_reply>> runtime_link::call(const char* method, const char* target,
                                                                     std::string body) const {
    http::client_call what;
    what.to = *to_;
    what.method = method;
    what.target = target;
    what.max_reply_bytes = most_reply;
    what.gone = gone_;
    if (!body.empty()) {
        what.content_type = "application/json";
        what.body = std::move(body);
    }
    const core::steady_time sent = clock_.now();
    const core::nanoseconds late = clocks_->late.total();
    auto calling = http::call(std::move(what));
    auto overdue = until_overdue(sent);
    auto first = co_await (std::move(calling) || std::move(overdue));
    const core::nanoseconds took = clock_.now() - sent - (clocks_->late.total() - late);
    if (first.index() == 1 && took < clocks_->call.limit()) {
        co_return core::make_failure(core::errc::cancelled, core::say("runtime.given-up/call-given"));
    }
    if (first.index() == 1) {
        co_return core::make_failure(core::errc::timed_out, core::say("runtime.given-up/answer-within",
                                                                      seconds_text(clocks_->call.limit())));
    }
    core::result<http::client_reply> reply = std::get<0>(std::move(first));
    if (reply) {
        clocks_->call.observe(took);
    }
    co_return reply;
}

core::awaitable<void> runtime_link::until_overdue(core::steady_time sent) const {
    const core::nanoseconds late = clocks_->late.total();
    const core::nanoseconds limit = clocks_->call.limit();
    bool awake = true;
    while (awake) {
        const core::steady_time now = clock_.now();
        const core::nanoseconds left = limit + (clocks_->late.total() - late) - (now - sent);
        if (left <= core::nanoseconds{0}) {
            co_return;
        }
        const core::steady_time wake =
            now + std::chrono::duration_cast<core::steady_time::duration>(std::min(left, lateness_slice));
        awake = co_await core::sleep_until(wake);
        clocks_->late.woke(wake, clock_.now());
    }
}

core::awaitable<core::result<control_reply>> runtime_link::control(const char* method, const char* target,
                                                                   std::string body) const {
    auto reply = co_await call(method, target, std::move(body));
    if (!reply) {
        co_return reply.error();
    }
    co_return control_answer(*reply);
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
