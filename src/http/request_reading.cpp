#include "session.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "corral/core/say.hpp"

namespace corral::http {

core::awaitable<void> wait_for_turn(share_turns& among, connection& on) {
    if (among.passes()) {
        co_return;
    }
    const core::executor loop = co_await core::asio::this_coro::executor;
    core::asio::steady_timer wake(loop);
    co_await among.wait(on.share(), wake);
}

namespace {

// When that must be complete of which `bytes` have come since `begin`: what drips, too, must not hold a connection for
// ever, nor for long what it holds in memory.
core::deadline end_of(core::seconds timeout, core::steady_time begin, std::size_t bytes) {
    constexpr int longest = 10;
    constexpr std::size_t slowest = 8 * 1024;  // bytes a second
    const core::seconds allowed = timeout + core::seconds(bytes / slowest);
    return core::deadline::after(std::min(allowed, timeout * longest), begin);
}

// The part of a head that fills the inbox is paid for, a step at a time.
void make_room_for_head(session_context& context, connection& on, request_parser& parser) {
    constexpr std::size_t step = 64UL * 1024;
    if (parser.pay_for_head(context.bodies, on.share(), step)) {
        on.size_inbox(on.inbox_bytes() + step);
    } else {
        parser.refuse(503, core::say("request.too-many-heads/heads"));
    }
}

request& head_of(connection& on, request_parser& parser) {
    request& head = parser.seen_from(on.peer(), on.relayed());
    head.share = on.address_share();
    head.over_unix = on.over_unix();
    head.socket = on.handle();
    return head;
}

// Whose request it is, and whether its body is wanted.
void judge_head(session_context& context, connection& on, request_parser& parser, request_reading& so_far) {
    head_verdict verdict = context.judge ? context.judge(head_of(on, parser)) : head_verdict{};
    if (!verdict.owner.empty()) {
        on.belongs_to(std::move(verdict.owner));
    }
    if (parser.state() != request_parser::progress::at_body) {
        return;  // whatever the verdict: the handler says so too, and the connection can go on
    }
    if (verdict.refusal) {
        so_far.refused = std::move(verdict.refusal);
    } else {
        parser.admit(context.bodies, on.share());
    }
}

core::awaitable<bool> tell_to_go_on(connection& on, request_parser& parser) {
    parser.continue_sent();
    const gather go_on{"HTTP/1.1 100 Continue\r\n\r\n", {}, {}};
    const core::error_code failed = co_await on.write(go_on);
    co_return !failed;
}

// Until more of a body comes that began at `begin`, or its time is over. That is sooner for a slow one once others find
// no room: `refused_before` is body_budget::refused() of then.
core::awaitable<arrival> wait_for_body(session_context& context, connection& on, const request_parser& parser,
                                       core::steady_time begin, std::size_t refused_before) {
    constexpr std::size_t fast_enough = 256UL * 1024;  // bytes a second
    constexpr core::seconds between_looks{1};
    const std::size_t bytes = parser.body_bytes();
    const core::seconds silence = context.options.body_timeout;
    const core::deadline until = from_now(silence).sooner(end_of(silence, begin, bytes));
    const core::nanoseconds moment = core::nanoseconds{silence} / 2;
    const core::nanoseconds in_good_time = moment + core::seconds(bytes / fast_enough);
    const core::deadline of_slow = core::deadline::after(in_good_time, begin);
    while (true) {
        const core::steady_time now = std::chrono::steady_clock::now();
        const bool is_slow = of_slow.passed(now);
        if (until.passed(now) || (is_slow && context.bodies.refused() != refused_before)) {
            co_return arrival::timed_out;
        }
        const core::deadline look = is_slow ? from_now(between_looks) : of_slow;
        const arrival what = co_await on.wait_input(until.sooner(look));
        if (what != arrival::timed_out) {
            co_return what;
        }
    }
}

}  // namespace

core::awaitable<request_reading> read_request(session_context& context, connection& on,
                                              request_parser& parser) {
    using progress = request_parser::progress;
    constexpr std::size_t costly_chunks = 8UL * 1024;  // each may be of one byte
    request_reading out;
    core::steady_time begin = std::chrono::steady_clock::now();
    core::deadline until = from_now(context.options.header_timeout);
    std::size_t refused_before = 0;
    bool judged = false;
    while (true) {
        const bool many_chunks = parser.reads_chunks() && on.inbox().size() > costly_chunks;
        if (on.inbox().size() > connection::usual_inbox || many_chunks) {
            co_await wait_for_turn(*context.requests, on);  // it may be whole, and takes a while
        }
        const std::size_t used = parser.feed(on.inbox());
        const bool stuck = used == 0 && on.inbox_full();
        on.consume(used);
        const bool in_head = parser.state() == request_parser::progress::header;
        if (in_head && on.inbox_full()) {
            make_room_for_head(context, on, parser);
        } else if (!in_head && on.inbox_bytes() > connection::usual_inbox) {
            on.size_inbox(connection::usual_inbox);
        }
        const bool has_head = parser.state() == progress::at_body || parser.state() == progress::complete;
        if (has_head && !judged) {
            judged = true;
            begin = std::chrono::steady_clock::now();
            refused_before = context.bodies.refused();
            judge_head(context, on, parser, out);
            if (out.refused || parser.state() != progress::body) {
                co_return out;
            }
            if (!on.inbox().empty()) {
                continue;
            }
        } else if (stuck && !in_head && parser.state() != progress::refused) {
            parser.refuse(400, core::say("request.malformed/line"));
        }
        if (parser.state() == progress::refused) {
            on.size_inbox(connection::usual_inbox);
            on.consume(on.inbox().size());  // it is charged to no request any more
        }
        if (parser.state() == progress::complete || parser.state() == progress::refused) {
            co_return out;
        }
        if (parser.state() == progress::body && parser.wants_continue()) {
            const bool continued = co_await tell_to_go_on(on, parser);
            if (!continued) {
                out.client_left = true;
                co_return out;
            }
        }
        if (in_head && on.inbox().size() > connection::usual_inbox) {
            until = end_of(context.options.header_timeout, begin, on.inbox().size());
        }
        arrival what = arrival::timed_out;
        if (parser.state() == progress::body) {
            what = co_await wait_for_body(context, on, parser, begin, refused_before);
        } else {
            what = co_await on.wait_input(until);
        }
        if (what == arrival::ended) {
            out.client_left = true;
            co_return out;
        }
        if (what == arrival::timed_out) {
            if (parser.state() == progress::header) {
                parser.refuse(408, core::say("request.too-slow/header"));
            } else {
                parser.refuse(408, core::say("request.too-slow/body"));
            }
        }
    }
}

}  // namespace corral::http
