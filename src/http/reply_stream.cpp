#include "corral/http/reply_stream.hpp"

#include <chrono>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "http/outgoing.hpp"
#include "http/reply_parser.hpp"

namespace corral::http {

namespace {

std::string endpoint_text(const core::asio::ip::tcp::endpoint& to) {
    const std::string host = to.address().to_string();
    return (to.address().is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(to.port());
}

// Without the inserts.
std::string request_text(const stream_call& what) {
    std::string out;
    out.reserve(256 + what.target.size() + what.body.size());
    std::size_t length = what.body.size();
    for (const body_insert& each : what.inserts) {
        length += each.text->size();
    }
    out += what.method + ' ' + what.target +
           " HTTP/1.1\r\nHost: " + (what.host.empty() ? endpoint_text(what.to) : what.host) +
           "\r\nConnection: close\r\n";
    for (const auto& [name, value] : what.headers.all()) {
        out += name + ": " + value + "\r\n";
    }
    if (length > 0 || what.method == "POST") {
        if (!what.content_type.empty()) {
            out += "Content-Type: " + what.content_type + "\r\n";
        }
        out += "Content-Length: " + std::to_string(length) + "\r\n";
    }
    return out += "\r\n" + what.body;
}

// `text` with the inserts, whose places are counted from `body_at`.
core::awaitable<core::error_code> send_request(outgoing& line, std::string_view text, std::size_t body_at,
                                               const std::vector<body_insert>& inserts,
                                               core::error_code& cut) {
    std::size_t sent = 0;
    for (const body_insert& each : inserts) {
        const std::size_t at = body_at + each.at;
        for (const std::string_view part : {text.substr(sent, at - sent), std::string_view(*each.text)}) {
            const core::error_code unsent = co_await send_all(line, part, cut);
            if (unsent || cut) {
                co_return unsent;
            }
        }
        sent = at;
    }
    const core::error_code unsent = co_await send_all(line, text.substr(sent), cut);
    co_return unsent;
}

}  // namespace

struct reply_stream::state {
    state(const core::executor& on, const stream_call& what)
        : line(std::make_shared<outgoing>(on)),
          answer(what.method + ' ' + what.target + " at " + endpoint_text(what.to),
                 {.without_body = what.method == "HEAD", .body = what.max_body_bytes}) {}

    // Reads once and parses it.
    [[nodiscard]] core::awaitable<core::result<void>> more() {
        core::error_code error;
        const read_step step = read_some(*line, answer.pending(), error);
        if (step == read_step::wait) {
            const core::error_code stopped =
                co_await wait_ready(*line, core::asio::ip::tcp::socket::wait_read);
            if (stopped) {
                co_return answer.failure_of(stopped);
            }
            co_return core::result<void>{};
        }
        if (step == read_step::more) {
            co_return answer.feed();
        }
        co_return answer.end(step == read_step::end ? cut : error);
    }

    std::shared_ptr<outgoing> line;
    reply_parser answer;
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
        co_return core::make_failure(core::errc::cancelled, state->answer.name() + ": cancelled");
    }
    if (what.until.passed(std::chrono::steady_clock::now())) {
        co_return core::make_failure(core::errc::timed_out, state->answer.name() + ": no time left");
    }
    const int refused = begin_connect(*state->line, what.to);
    if (refused != 0) {
        co_return state->answer.failure_of({refused, boost::system::system_category()});
    }
    arm_deadline(state->line, what.until);
    const std::string text = request_text(what);
    const core::error_code unsent =
        co_await send_request(*state->line, text, text.size() - what.body.size(), what.inserts, state->cut);
    if (unsent) {
        co_return state->answer.failure_of(unsent);
    }
    while (!state->answer.head_done()) {
        core::result<void> read = co_await state->more();
        if (!read) {
            co_return read.error();
        }
    }
    disarm_deadline(*state->line);
    state->status = state->answer.status();
    state->headers = state->answer.headers();
    co_return std::move(out);
}

core::awaitable<core::result<std::string>> reply_stream::read(core::deadline until) {
    arm_deadline(state_->line, until);
    core::result<std::string> out = std::string();
    while (state_->answer.body().empty() && !state_->answer.done()) {
        core::result<void> read = co_await state_->more();
        if (!read) {
            out = read.error();
            break;
        }
    }
    if (out) {
        out->swap(state_->answer.body());
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
