#include "corral/http/client.hpp"

#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "http/outgoing.hpp"

namespace corral::http {

namespace {

namespace beast_http = boost::beast::http;
using reply_parser = beast_http::response_parser<beast_http::string_body>;

std::string name_of(const client_call& what) {
    std::ostringstream out;
    out << what.method << ' ' << what.target << " at " << what.to;
    return out.str();
}

core::failure system_failure(const client_call& what, const core::error_code& error) {
    return {error, name_of(what) + ": " + error.message()};
}

core::failure protocol_failure(const client_call& what, const std::string& how) {
    return core::make_failure(core::errc::protocol, name_of(what) + ": " + how);
}

std::string request_text(const client_call& what) {
    std::string out;
    out.reserve(192 + what.target.size() + what.body.size());
    out += what.method + ' ' + what.target + " HTTP/1.1\r\nHost: ";
    const std::string host = what.to.address().to_string();
    out += what.to.address().is_v6() ? '[' + host + ']' : host;
    out += ':' + std::to_string(what.to.port()) + "\r\nConnection: close\r\n";
    if (!what.body.empty() || what.method == "POST") {
        if (!what.content_type.empty()) {
            out += "Content-Type: " + what.content_type + "\r\n";
        }
        out += "Content-Length: " + std::to_string(what.body.size()) + "\r\n";
    }
    out += "\r\n";
    out += what.body;
    return out;
}

// Collects one final answer out of pieces of any size.
class reply_reader {
public:
    explicit reply_reader(const client_call& what) : what_(what) { renew(); }

    // Parses what it can of `pending`; true when the call is decided.
    bool feed(std::string& pending) {
        // Beast asserts that a chunked body's begun last chunk has this many bytes; it never ends in fewer.
        constexpr std::size_t shortest_end = 5;
        while (!pending.empty()) {
            if (parser_->is_header_done() && parser_->chunked() && pending.size() < shortest_end) {
                return false;
            }
            const bool in_header = !parser_->is_header_done();
            core::error_code error;
            const std::size_t used = parser_->put(core::asio::buffer(pending), error);
            pending.erase(0, used);
            if (in_header) {
                header_bytes_ += used;
            }
            if (error && error != beast_http::error::need_more) {
                return fail(error);
            }
            if (header_bytes_ > max_header_bytes && !parser_->is_header_done()) {
                return fail(beast_http::error::header_limit);
            }
            if (!parser_->is_done()) {
                if (used == 0) {
                    return stuck(pending.size());
                }
                continue;
            }
            if (parser_->get().result_int() / 100 != 1 || parser_->get().result_int() == 101) {
                return true;
            }
            renew();
        }
        return false;
    }

    // The server closed; decides the call.
    void end(const core::error_code& read_error) {
        if (!parser_->got_some()) {
            failure_ = read_error ? system_failure(what_, read_error)
                                  : protocol_failure(what_, "connection closed without an answer");
            return;
        }
        core::error_code error = read_error;
        if (!error) {
            parser_->put_eof(error);
        }
        if (error || !parser_->is_done()) {
            failure_ = protocol_failure(what_, "the answer was cut");
        }
    }

    core::result<client_reply> take() {
        if (failure_.code) {
            return std::move(failure_);
        }
        auto message = parser_->release();
        client_reply out;
        out.status = message.result_int();
        for (const auto& field : message) {
            out.headers.add(std::string(field.name_string()), std::string(field.value()));
        }
        out.body = std::move(message.body());
        return out;
    }

private:
    static constexpr std::size_t max_header_bytes = 64 * 1024;

    void renew() {
        parser_.emplace();
        parser_->eager(true);
        parser_->skip(what_.method == "HEAD");
        parser_->header_limit(max_header_bytes);
        parser_->body_limit(what_.max_reply_bytes);
    }

    bool stuck(std::size_t waiting) {
        constexpr std::size_t longest_line = 64 * 1024;
        return waiting > longest_line && fail(beast_http::error::header_limit);
    }

    bool fail(const core::error_code& error) {
        const bool limit = error == beast_http::error::body_limit || error == beast_http::error::header_limit;
        failure_ = limit
                       ? core::make_failure(core::errc::limit_exceeded, name_of(what_) + ": answer too long")
                       : protocol_failure(what_, error.message());
        return true;
    }

    const client_call& what_;
    std::optional<reply_parser> parser_;
    std::size_t header_bytes_ = 0;
    core::failure failure_;
};

core::failure end_of_call(const client_call& what, const core::error_code& error) {
    if (error == core::make_error_code(core::errc::timed_out)) {
        return {error, name_of(what) + ": no answer in time"};
    }
    return system_failure(what, error);
}

core::awaitable<core::error_code> receive(outgoing& state, reply_reader& reader,
                                          const core::error_code& cut) {
    std::string pending;
    bool waited = false;
    while (true) {
        core::error_code error;
        // An answer is never there at once, so the first read waits first.
        const read_step step = waited || cut ? read_some(state, pending, error) : read_step::wait;
        if (step == read_step::more) {
            if (reader.feed(pending)) {
                co_return core::error_code{};
            }
        } else if (step == read_step::end || step == read_step::failed) {
            reader.end(step == read_step::end ? cut : error);
            co_return core::error_code{};
        } else {
            const core::error_code stopped =
                co_await wait_ready(state, core::asio::ip::tcp::socket::wait_read);
            if (stopped) {
                co_return stopped;
            }
            waited = true;
        }
    }
}

core::awaitable<core::result<client_reply>> perform(std::shared_ptr<outgoing> state, client_call what) {
    const int refused = begin_connect(*state, what.to);
    if (refused != 0) {
        co_return system_failure(what, {refused, boost::system::system_category()});
    }
    arm_deadline(state, what.until);
    const std::string text = request_text(what);
    core::error_code cut;
    core::error_code error = co_await send_all(*state, text, cut);
    if (error) {
        co_return end_of_call(what, error);
    }
    reply_reader reader(what);
    error = co_await receive(*state, reader, cut);
    if (error) {
        co_return end_of_call(what, error);
    }
    co_return reader.take();
}

}  // namespace

core::awaitable<core::result<client_reply>> call(client_call what) {
    const core::executor on = co_await core::asio::this_coro::executor;
    const core::asio::cancellation_state asked = co_await core::asio::this_coro::cancellation_state;
    if (asked.cancelled() != core::asio::cancellation_type::none) {
        co_return core::make_failure(core::errc::cancelled, name_of(what) + ": cancelled");
    }
    if (what.until.passed(std::chrono::steady_clock::now())) {
        co_return core::make_failure(core::errc::timed_out, name_of(what) + ": no time left");
    }
    auto state = std::make_shared<outgoing>(on);
    auto reply = co_await perform(state, std::move(what));
    close(*state);
    co_return reply;
}

}  // namespace corral::http
