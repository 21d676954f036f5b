#include "session.hpp"

#include <exception>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "corral/core/say.hpp"
#include "request_parser.hpp"

namespace corral::http {

namespace {

// True when bytes of a next request are there.
core::awaitable<bool> wait_for_request(session_context& context, connection& on) {
    on.stand(standing::idle);
    const core::deadline until = from_now(context.options.idle_timeout);
    while (true) {
        // Some clients end a body with a line end of their own; that is no request.
        std::size_t line_ends = 0;
        while (on.inbox().substr(line_ends).starts_with("\r\n")) {
            line_ends += 2;
        }
        if (line_ends > 0) {
            on.consume(line_ends);
        }
        if (!on.inbox().empty()) {
            on.stand(standing::reading);
            co_return true;
        }
        if (context.stopping || on.ended()) {
            co_return false;
        }
        if (context.paused) {
            context.keep_aside(on);
            co_return false;
        }
        const arrival what = co_await on.wait_input(until);
        if (what == arrival::timed_out) {
            co_return false;
        }
    }
}

// Our end first, then the client's: closing over unread bytes would reset the answer away (RFC 9112 §9.6). What comes
// meanwhile is read piece by piece with time in between: as fast as it comes it would keep the processor busy.
core::awaitable<void> close_gently(session_context& context, connection& on) {
    constexpr core::nanoseconds cost =
        std::chrono::microseconds{200};  // of a piece, with what its sender takes
    constexpr core::seconds longest{10};
    constexpr core::seconds silence{2};
    constexpr std::size_t most_bytes = 256 * 1024 * 1024;
    on.stand(standing::leaving);
    co_await on.say_end();
    on.half_close();
    const core::deadline end = from_now(longest);
    while (!on.ended() && on.discarded() < most_bytes) {
        on.consume(0);
        const core::deadline until = from_now(silence).sooner(end);
        const arrival what = co_await on.wait_input(until);
        if (what == arrival::timed_out) {
            co_return;
        }
        if (what == arrival::bytes) {
            // Whoever has to go for a newcomer leaves the line at once.
            co_await on.wait_turn(*context.discards);
            context.discards->took(cost);
        }
    }
}

// The answer to a request that is not read to its end, and so the connection's last.
core::awaitable<void> answer_last(session_context& context, connection& on, const request_parser& parser,
                                  response whole) {
    const exchange_facts facts{parser.seen().method == "HEAD", parser.seen().version < 11, false};
    exchange_writer out(on, facts, context.date, context.stopping);
    const core::error_code failed = co_await out.send(std::move(whole));
    if (!failed) {
        co_await close_gently(context, on);
    }
}

response refusal_of(const session_context& context, const request_parser& parser) {
    response whole = context.refuse ? context.refuse(parser.seen(), parser.why().status, parser.why().text)
                                    : error_answer(parser.why().status, parser.why().text);
    if (whole.status == 503) {
        whole.headers.add("Retry-After", "1");
    }
    return whole;
}

// What escaped from a handler, in words; empty for the cancellation that the client's going causes.
std::string describe(const std::exception_ptr& thrown, bool client_gone) {
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
        const bool expected = client_gone && error.code() == core::asio::error::operation_aborted;
        return expected ? std::string{} : std::string(error.what());
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "an exception of unknown type";
    }
}

struct exchange_count {
    explicit exchange_count(session_context& of) : of_(of) { ++of_.exchanges; }
    ~exchange_count() {
        --of_.exchanges;
        ++of_.answered;
    }
    exchange_count(const exchange_count&) = delete;
    exchange_count& operator=(const exchange_count&) = delete;
    session_context& of_;
};

core::awaitable<void> call_handler(session_context& context, connection& on, request& incoming,
                                   exchange_writer& out) {
    const exchange_count counted(context);
    std::exception_ptr thrown;
    on.begin_exchange();
    on.stand(standing::busy);
    try {
        co_await context.serve(incoming, out);
    } catch (...) {
        thrown = std::current_exception();
    }
    on.end_exchange();
    std::string complaint;
    if (thrown) {
        complaint = describe(thrown, static_cast<bool>(on.error()));
    } else if (!on.error() && !out.finished()) {
        complaint = "the handler ended without a whole answer";
    }
    if (!complaint.empty()) {
        context.log_error(incoming.method + " " + incoming.path + ": " + complaint);
    }
}

// While its share of the memory for bodies is still taken.
core::awaitable<void> free_body(const session_context& context, request& incoming) {
    constexpr std::size_t large = 512 * 1024;  // what is smaller stays with the allocator
    const bool slow = incoming.body.capacity() > large;
    std::function<void()> work = [&incoming] { std::string().swap(incoming.body); };
    auto freeing = core::run_on(slow ? context.frees : nullptr, std::move(work));
    co_await std::move(freeing);
}

// True when the connection can carry another exchange.
core::awaitable<bool> serve_request(session_context& context, connection& on, request_parser& parser,
                                    core::steady_time arrived) {
    request incoming = parser.take();
    incoming.peer = on.peer();
    incoming.share = on.address_share();
    incoming.relayed = on.relayed();
    incoming.over_unix = on.over_unix();
    incoming.socket = on.handle();
    incoming.arrived = arrived;
    incoming.memory = parser.charge();
    const exchange_facts facts{incoming.method == "HEAD", incoming.version < 11, parser.keep_alive()};
    exchange_writer out(on, facts, context.date, on.encrypted() ? context.closes_tls : context.stopping);
    co_await call_handler(context, on, incoming, out);
    co_await free_body(context, incoming);
    if (on.error()) {
        co_return false;
    }
    if (!out.started()) {
        response sorry = error_answer(500, "internal server error");
        const core::error_code failed = co_await out.send(std::move(sorry));
        if (failed) {
            co_return false;
        }
    } else if (!out.finished()) {
        if (out.ends_by_close()) {
            on.reset();
        } else {
            on.end(core::asio::error::eof);
        }
        co_return false;
    }
    if (out.reusable()) {
        co_return true;
    }
    if (!on.inbox().empty()) {
        co_await close_gently(context, on);
    }
    co_return false;
}

core::awaitable<void> answer_stranger(session_context& context, connection& on, std::string_view words) {
    const gather text{
        "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n",
        words,
        {}};
    const core::error_code failed = co_await on.write(text);
    if (!failed) {
        on.start_reading();
        co_await close_gently(context, on);
    }
}

// A client that speaks plainly where it must not is answered so; a proxy's broken header is only in the log, a line a minute.
core::awaitable<void> refuse_proxy(session_context& context, connection& on, const proxy_header& header) {
    constexpr core::seconds between{60};
    const core::steady_time now = std::chrono::steady_clock::now();
    if (!context.header_warned || now - *context.header_warned >= between) {
        context.header_warned = now;
        const bool silent = header.state() == proxy_header::progress::more;
        const std::string from = on.peer().address().to_string();
        context.log_warning(silent ? core::say("daemon.refused-proxy/late", from)
                                   : core::say("daemon.refused-proxy", from, header.why()));
    }
    if (header.is_something_else() && !on.encrypted()) {
        co_await answer_stranger(
            context, on, "This server takes connections from this address by the PROXY protocol only.\n");
    }
}

// True when the client is known.
core::awaitable<bool> hear_proxy(session_context& context, connection& on, core::deadline until) {
    proxy_header header;
    const bool heard = co_await on.read_proxy_header(until, header);
    if (!heard && header.begun() && !context.stopping) {
        co_await refuse_proxy(context, on, header);
    }
    co_return heard;
}

// Of too many unfinished handshakes one is given up: of the address that has most, and there one that does not talk
// before one that waits for its turn. False: the newcomer, whose address has as many as any other.
bool make_room_for_handshake(session_context& context, const connection& newcomer, core::steady_time now) {
    if (context.handshakes.size() < context.options.max_handshakes) {
        return true;
    }
    connection* const oldest = context.handshakes.yields_to(newcomer.share(), now, core::nanoseconds{0});
    if (oldest == nullptr || (oldest->awaits_turn() && oldest->share() == newcomer.share())) {
        return false;
    }
    oldest->end(core::asio::error::timed_out);
    return true;
}

// True when requests can be read.
core::awaitable<bool> open_connection(session_context& context, connection& on) {
    if (const server::admission ask = context.admit) {
        on.stand(standing::busy);  // it yields to no other while it is asked about
        const bool admitted = co_await ask(on.handle());
        if (!admitted || on.error()) {
            co_return false;
        }
        on.stand(standing::opening);
    }
    const core::deadline until = from_now(context.options.handshake_timeout);
    if (on.awaits_proxy_header()) {
        const bool heard = co_await hear_proxy(context, on, until);
        if (!heard) {
            co_return false;
        }
    }
    const core::steady_time now = std::chrono::steady_clock::now();
    if (on.encrypted() && !make_room_for_handshake(context, on, now)) {
        co_return false;
    }
    const opening how = co_await on.open(until, *context.turns, context.handshakes);
    if (how == opening::plain_http) {
        // In the words of Go's server, which people know.
        const std::string words = core::say("request.plain-to-tls") + "\n";
        co_await answer_stranger(context, on, words);
    }
    co_return how == opening::ready;
}

}  // namespace

core::awaitable<void> run_session(std::shared_ptr<session_context> context, std::shared_ptr<connection> on) {
    const bool opened = co_await open_connection(*context, *on);
    if (!opened) {
        on->end(core::asio::error::eof);
        co_return;
    }
    on->start_reading();
    bool more = true;
    while (more) {
        more = co_await wait_for_request(*context, *on);
        if (!more) {
            break;
        }
        const core::steady_time arrived = std::chrono::steady_clock::now();
        const parser_limits limits{context->options.max_header_bytes, context->options.max_body_bytes};
        // On the heap and only while needed, so that an idle connection stays small.
        auto parser = std::make_unique<request_parser>(limits);
        request_reading reading = co_await read_request(*context, *on, *parser);
        if (reading.client_left) {
            break;
        }
        if (reading.refused || parser->state() == request_parser::progress::refused) {
            response last = reading.refused ? std::move(*reading.refused) : refusal_of(*context, *parser);
            co_await answer_last(*context, *on, *parser, std::move(last));
            break;
        }
        // Requests of a crowd of connections, or in a heap on one, leave the loop to others after each.
        co_await wait_for_turn(*context->requests, *on);
        if (on->error()) {
            break;
        }
        more = co_await serve_request(*context, *on, *parser, arrived);
    }
    if (!on->error()) {
        co_await on->say_end();
    }
    on->end(core::asio::error::eof);
}

}  // namespace corral::http
