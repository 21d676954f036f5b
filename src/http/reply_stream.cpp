#include "corral/http/reply_stream.hpp"

#include <optional>
#include <sstream>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/outgoing.hpp"

namespace corral::http {

namespace {

namespace beast_http = boost::beast::http;
using head_parser = beast_http::response_parser<beast_http::string_body>;

constexpr std::size_t max_head_bytes = 64 * 1024;
// Beast asserts that a chunked body's begun last chunk has this many bytes; it never ends in fewer.
constexpr std::size_t shortest_chunked_end = 5;

std::string request_text(const stream_call& what) {
    std::ostringstream out;
    out << what.method << ' ' << what.target << " HTTP/1.1\r\nHost: ";
    if (what.host.empty()) {
        out << what.to;
    } else {
        out << what.host;
    }
    out << "\r\nConnection: close\r\n";
    for (const auto& [name, value] : what.headers.all()) {
        out << name << ": " << value << "\r\n";
    }
    if (!what.body.empty() || what.method == "POST") {
        out << "Content-Type: " << what.content_type << "\r\nContent-Length: " << what.body.size() << "\r\n";
    }
    out << "\r\n" << what.body;
    return out.str();
}

}  // namespace

struct reply_stream::state {
    state(const core::executor& on, std::string called)
        : line(std::make_shared<outgoing>(on)), name(std::move(called)) {
        renew();
    }

    void renew() {
        parser.emplace();
        parser->eager(true);
        parser->header_limit(max_head_bytes);
        parser->body_limit(boost::none);
    }

    [[nodiscard]] core::failure protocol_failure(const std::string& how) const {
        return core::make_failure(core::errc::protocol, name + ": " + how);
    }

    [[nodiscard]] core::failure failure_of(const core::error_code& error) const {
        if (error == core::make_error_code(core::errc::timed_out)) {
            return {error, name + ": nothing came in time"};
        }
        return {error, name + ": " + error.message()};
    }

    // Parses what it can of `pending`.
    [[nodiscard]] core::result<void> parse() {
        while (!pending.empty() && !parser->is_done()) {
            const bool in_head = !parser->is_header_done();
            if (!in_head && parser->chunked() && pending.size() < shortest_chunked_end) {
                break;
            }
            core::error_code error;
            const std::size_t used = parser->put(core::asio::buffer(pending), error);
            pending.erase(0, used);
            head_bytes += in_head ? used : 0;
            if (error == beast_http::error::header_limit || head_bytes > max_head_bytes) {
                return core::make_failure(core::errc::limit_exceeded,
                                          name + ": the head of the answer is too long");
            }
            if (error && error != beast_http::error::need_more) {
                return protocol_failure(error.message());
            }
            if (parser->is_done() && parser->get().result_int() / 100 == 1) {
                renew();
                continue;
            }
            if (used == 0) {
                break;
            }
        }
        constexpr std::size_t longest_line = 64 * 1024;
        if (pending.size() > longest_line) {
            return core::make_failure(core::errc::limit_exceeded,
                                      name + ": a line of the answer is too long");
        }
        return {};
    }

    // The server closed.
    [[nodiscard]] core::result<void> end(const core::error_code& read_error) {
        if (read_error) {
            return failure_of(read_error);
        }
        if (!parser->got_some()) {
            return protocol_failure("connection closed without an answer");
        }
        core::error_code error;
        if (!pending.empty()) {
            // What was too short to be parsed while more could come.
            parser->put(core::asio::buffer(pending), error);
            pending.clear();
        }
        if (!parser->is_done()) {
            error = {};
            parser->put_eof(error);
        }
        if (error || !parser->is_done()) {
            return protocol_failure("the answer was cut");
        }
        return {};
    }

    // Reads once and parses it.
    [[nodiscard]] core::awaitable<core::result<void>> more() {
        core::error_code error;
        const read_step step = read_some(*line, pending, error);
        if (step == read_step::wait) {
            const core::error_code stopped =
                co_await wait_ready(*line, core::asio::ip::tcp::socket::wait_read);
            if (stopped) {
                co_return failure_of(stopped);
            }
            co_return core::result<void>{};
        }
        if (step == read_step::more) {
            co_return parse();
        }
        co_return end(step == read_step::end ? cut : error);
    }

    std::shared_ptr<outgoing> line;
    std::string name;
    std::optional<head_parser> parser;
    std::string pending;
    std::size_t head_bytes = 0;
    core::error_code cut;
    header_fields headers;
    unsigned status = 0;
};

reply_stream::reply_stream(std::shared_ptr<state> s) : state_(std::move(s)) {}

reply_stream::~reply_stream() {
    close(*state_->line);
}

unsigned reply_stream::status() const noexcept {
    return state_->status;
}

const header_fields& reply_stream::headers() const noexcept {
    return state_->headers;
}

core::awaitable<core::result<std::unique_ptr<reply_stream>>> reply_stream::open(stream_call what) {
    const core::executor on = co_await core::asio::this_coro::executor;
    std::ostringstream name;
    name << what.method << ' ' << what.target << " at " << what.to;
    auto state = std::make_shared<reply_stream::state>(on, name.str());
    std::unique_ptr<reply_stream> out(new reply_stream(state));
    const core::asio::cancellation_state asked = co_await core::asio::this_coro::cancellation_state;
    if (asked.cancelled() != core::asio::cancellation_type::none) {
        co_return core::make_failure(core::errc::cancelled, state->name + ": cancelled");
    }
    const int refused = begin_connect(*state->line, what.to);
    if (refused != 0) {
        co_return state->failure_of({refused, boost::system::system_category()});
    }
    arm_deadline(state->line, what.until);
    const std::string text = request_text(what);
    const core::error_code unsent = co_await send_all(*state->line, text, state->cut);
    if (unsent) {
        co_return state->failure_of(unsent);
    }
    while (!state->parser->is_header_done()) {
        core::result<void> read = co_await state->more();
        if (!read) {
            co_return read.error();
        }
    }
    disarm_deadline(*state->line);
    const auto& head = state->parser->get();
    state->status = head.result_int();
    for (const auto& field : head) {
        state->headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    co_return std::move(out);
}

core::awaitable<core::result<std::string>> reply_stream::read(core::deadline until) {
    arm_deadline(state_->line, until);
    core::result<std::string> out = std::string();
    while (state_->parser->get().body().empty() && !state_->parser->is_done()) {
        core::result<void> read = co_await state_->more();
        if (!read) {
            out = read.error();
            break;
        }
    }
    if (out) {
        out->swap(state_->parser->get().body());
    }
    disarm_deadline(*state_->line);
    co_return out;
}

core::awaitable<core::result<std::string>> read_all(reply_stream& from, std::size_t most,
                                                    core::deadline until) {
    std::string whole;
    while (true) {
        core::result<std::string> piece = co_await from.read(until);
        if (!piece || piece->empty()) {
            if (piece) {
                co_return whole;
            }
            co_return piece;
        }
        whole += *piece;
        if (whole.size() > most) {
            co_return core::make_failure(core::errc::limit_exceeded,
                                         "the answer is longer than " + std::to_string(most) + " bytes");
        }
    }
}

}  // namespace corral::http
