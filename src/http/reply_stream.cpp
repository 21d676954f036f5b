#include "corral/http/reply_stream.hpp"

#include <chrono>
#include <optional>
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

std::string endpoint_text(const core::asio::ip::tcp::endpoint& to) {
    const std::string host = to.address().to_string();
    return (to.address().is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(to.port());
}

std::string request_text(const stream_call& what) {
    std::string out;
    out.reserve(256 + what.target.size() + what.body.size());
    out += what.method + ' ' + what.target +
           " HTTP/1.1\r\nHost: " + (what.host.empty() ? endpoint_text(what.to) : what.host) +
           "\r\nConnection: close\r\n";
    for (const auto& [name, value] : what.headers.all()) {
        out += name + ": " + value + "\r\n";
    }
    if (!what.body.empty() || what.method == "POST") {
        if (!what.content_type.empty()) {
            out += "Content-Type: " + what.content_type + "\r\n";
        }
        out += "Content-Length: " + std::to_string(what.body.size()) + "\r\n";
    }
    return out += "\r\n" + what.body;
}

// An answer that another one follows.
bool is_interim(unsigned status) {
    return status / 100 == 1 && status != 101;
}

}  // namespace

struct reply_stream::state {
    state(const core::executor& on, const stream_call& what)
        : line(std::make_shared<outgoing>(on)),
          name(what.method + ' ' + what.target + " at " + endpoint_text(what.to)),
          without_body(what.method == "HEAD"),
          max_body_bytes(what.max_body_bytes) {
        renew();
    }

    void renew() {
        parser.emplace();
        parser->eager(true);
        parser->header_limit(max_head_bytes);
        parser->skip(without_body);
        parser->body_limit(max_body_bytes);
    }

    [[nodiscard]] core::failure protocol_failure(const std::string& how) const {
        return core::make_failure(core::errc::protocol, name + ": " + how);
    }

    [[nodiscard]] core::failure failure_of(const core::error_code& error) const {
        if (error == core::make_error_code(core::errc::timed_out)) {
            return {error, name + ": no answer in time"};
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
            if (error == beast_http::error::body_limit) {
                return core::make_failure(core::errc::limit_exceeded, name + ": the answer is too long");
            }
            if (error && error != beast_http::error::need_more) {
                return protocol_failure(error.message());
            }
            if (parser->is_done() && is_interim(parser->get().result_int())) {
                renew();
                head_bytes = 0;
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
        if (!parser->got_some()) {
            return read_error ? failure_of(read_error)
                              : protocol_failure("connection closed without an answer");
        }
        if (read_error) {
            return protocol_failure("the answer was cut: " + read_error.message());
        }
        // What parse() left is shorter than any last chunk.
        core::error_code error;
        if (pending.empty() && !parser->is_done()) {
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
    bool without_body;
    boost::optional<std::uint64_t> max_body_bytes;
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
    auto state = std::make_shared<reply_stream::state>(on, what);
    std::unique_ptr<reply_stream> out(new reply_stream(state));
    const core::asio::cancellation_state asked = co_await core::asio::this_coro::cancellation_state;
    if (asked.cancelled() != core::asio::cancellation_type::none) {
        co_return core::make_failure(core::errc::cancelled, state->name + ": cancelled");
    }
    if (what.until.passed(std::chrono::steady_clock::now())) {
        co_return core::make_failure(core::errc::timed_out, state->name + ": no time left");
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
