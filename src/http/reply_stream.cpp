#include "corral/http/reply_stream.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "http/outgoing.hpp"
#include "http/reply_parser.hpp"

namespace corral::http {

namespace {

std::string endpoint_text(const core::asio::ip::tcp::endpoint& to) {
    const std::string host = to.address().to_string();
    return (to.address().is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(to.port());
}

// Without the inserts.
std::string request_text(const stream_call& call) {
    std::string out;
    out.reserve(256 + call.target.size() + call.body.size());
    std::size_t length = call.body.size();
    for (const body_insert& each : call.inserts) {
        length += each.text->size();
    }
    out += call.method + ' ' + call.target +
           " HTTP/1.1\r\nHost: " + (call.host.empty() ? endpoint_text(call.to) : call.host) +
           (call.kept ? "\r\n" : "\r\nConnection: close\r\n");
    for (const auto& [name, value] : call.headers.all()) {
        out += name + ": " + value + "\r\n";
    }
    if (length > 0 || call.method == "POST") {
        if (!call.content_type.empty()) {
            out += "Content-Type: " + call.content_type + "\r\n";
        }
        out += "Content-Length: " + std::to_string(length) + "\r\n";
    }
    return out += "\r\n" + call.body;
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
    state(const core::executor& on, const stream_call& call)
        : executor(on),
          answer(call.method + ' ' + call.target + " at " +
                     (call.connected ? call.host : endpoint_text(call.to)),
                 {.without_body = call.method == "HEAD", .body = call.max_body_bytes}),
          kept(call.kept) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { leave(); }

    // A connection to ask on. `fresh`: no kept one.
    [[nodiscard]] core::error_code take_line(const stream_call& call, bool fresh) {
        if (kept && !fresh) {
            kept_connections::begun_call begun = kept->begin(call.to);
            mark = begun.mark;
            line = std::move(begun.line);
        }
        reused = line != nullptr;
        if (reused) {
            taken_before = acknowledged_bytes(*line);
            return {};
        }
        line = std::make_shared<outgoing>(executor);
        const int refused =
            call.connected ? take_connected(*line, call.connected->release()) : begin_connect(*line, call.to);
        return {refused, boost::system::system_category()};
    }

    // On a kept connection, which failed before the server had anything of the request, or which the server closed
    // instead of answering it: it was closing it already, and only its kernel took the request
    // (docs/facts/other_runtimes.md#llama-server).
    [[nodiscard]] bool was_unheard() {
        return reused && answer.silent() && !line->timed_out && line->socket.is_open() &&
               (hung_up || (taken_before && acknowledged_bytes(*line) == taken_before));
    }

    void leave() {
        if (line == nullptr) {
            return;
        }
        const bool open =
            kept && !cut && answer.head_done() && answer.leaves_open() && line->socket.is_open();
        if (!open) {
            close(*line);
        }
        if (kept) {
            kept->end(mark, open ? std::move(line) : nullptr);
        }
        line.reset();
    }

    // Reads once and parses it.
    [[nodiscard]] core::awaitable<core::result<void>> more() {
        core::error_code error;
        const read_step step = read_some(*line, answer.pending(), error);
        if (step == read_step::wait) {
            const core::error_code stopped = co_await wait_ready(*line, stream_socket::wait_read);
            if (stopped) {
                co_return answer.failure_of(stopped);
            }
            co_return core::result<void>{};
        }
        if (step == read_step::more) {
            core::result<void> fed = answer.feed();
            if (fed && !line->drained) {
                const core::error_code stopped = co_await give_way(*line);
                if (stopped) {
                    co_return answer.failure_of(stopped);
                }
            }
            co_return fed;
        }
        hung_up = step == read_step::end || error == boost::system::errc::connection_reset;
        co_return answer.end(step == read_step::end ? cut : error);
    }

    core::executor executor;
    std::shared_ptr<outgoing> line;
    reply_parser answer;
    std::shared_ptr<kept_connections> kept;
    std::uint64_t mark = 0;
    bool reused = false;
    std::optional<std::uint64_t> taken_before;
    bool hung_up = false;  // by the server
    core::error_code cut;
    header_fields headers;
    unsigned status = 0;
};

reply_stream::reply_stream(std::shared_ptr<state> s) : state_(std::move(s)) {}

reply_stream::~reply_stream() {
    state_->leave();
}

unsigned reply_stream::status() const noexcept {
    return state_->status;
}

const header_fields& reply_stream::headers() const noexcept {
    return state_->headers;
}

std::optional<core::seconds> reply_stream::retry_after() const noexcept {
    constexpr std::uint32_t longest = 3600;
    const auto said = core::whole_number<std::uint32_t>(headers().find("Retry-After"));
    return said ? std::optional(core::seconds(std::min(*said, longest))) : std::nullopt;
}

std::string reply_stream::trailer(std::string_view name) const {
    return state_->answer.trailer(name);
}

// Until the head of the answer is there.
core::awaitable<core::result<void>> reply_stream::ask(state& now, const stream_call& call, bool fresh) {
    const core::error_code refused = now.take_line(call, fresh);
    if (refused) {
        co_return now.answer.failure_of(refused);
    }
    arm_deadline(now.line, call.until);
    if (!call.preface.empty()) {
        const core::error_code unsent = co_await send_all(*now.line, call.preface, now.cut);
        if (unsent) {
            co_return now.answer.failure_of(unsent);
        }
    }
    if (call.tls) {
        std::string why;
        const core::error_code untrusted = co_await begin_tls(*now.line, *call.tls, why);
        if (untrusted && !why.empty()) {
            co_return core::make_failure(
                core::errc::protocol,
                core::say("command.not-trusted/certificate-trusted", call.tls->name, why));
        }
        if (untrusted) {
            co_return now.answer.failure_of(untrusted);
        }
    }
    const std::string text = request_text(call);
    const core::error_code unsent =
        co_await send_request(*now.line, text, text.size() - call.body.size(), call.inserts, now.cut);
    if (unsent) {
        co_return now.answer.failure_of(unsent);
    }
    if (call.kept) {
        acknowledge_at_once(*now.line);
    }
    now.line->drained = !now.cut;  // no server answers at once
    while (!now.answer.head_done()) {
        core::result<void> read = co_await now.more();
        if (!read) {
            co_return read.error();
        }
    }
    co_return core::result<void>{};
}

core::awaitable<core::result<std::unique_ptr<reply_stream>>> reply_stream::open(stream_call call) {
    const core::executor on = co_await core::asio::this_coro::executor;
    auto state = std::make_shared<reply_stream::state>(on, call);
    std::unique_ptr<reply_stream> out(new reply_stream(state));
    const core::asio::cancellation_state before = co_await core::asio::this_coro::cancellation_state;
    if (before.cancelled() != core::asio::cancellation_type::none) {
        co_return core::make_failure(core::errc::cancelled,
                                     core::say("runtime.remote-broken/cancelled", state->answer.name()));
    }
    if (call.until.passed(std::chrono::steady_clock::now())) {
        co_return core::make_failure(core::errc::timed_out,
                                     core::say("runtime.remote-broken/time-left", state->answer.name()));
    }
    core::result<void> asked = co_await ask(*state, call, false);
    const bool given_up = !asked && asked.error().code == core::make_error_code(core::errc::cancelled);
    if (!asked && !given_up && state->was_unheard()) {
        close(*state->line);
        state->line.reset();
        state->cut = {};
        asked = co_await ask(*state, call, true);
    }
    if (!asked) {
        co_return asked.error();
    }
    if (call.gone && call.gone()) {
        close(*state->line);
        co_return state->answer.failure_of(
            boost::system::errc::make_error_code(boost::system::errc::connection_reset));
    }
    disarm_deadline(*state->line);
    state->status = state->answer.status();
    state->headers = state->answer.headers();
    co_return std::move(out);
}

// The limit stays armed behind a read: most reads of an answer have the same.
core::awaitable<core::result<std::string>> reply_stream::read(core::deadline until) {
    state& now = *state_;
    if (now.line->until.at() != until.at() || now.line->timed_out) {
        arm_deadline(now.line, until);
    }
    core::result<std::string> out = std::string();
    while (now.answer.body().empty() && !now.answer.done()) {
        core::result<void> read = co_await now.more();
        if (!read) {
            out = read.error();
            break;
        }
    }
    if (out) {
        out->swap(now.answer.body());
    }
    co_return out;
}

void reply_stream::read_until(core::deadline until) {
    arm_deadline(state_->line, until);
}

void reply_stream::hang_up() {
    close(*state_->line);
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
                                         core::say("runtime.remote-broken/answer-longer", most));
        }
    }
}

bool wants_https(unsigned status, std::string_view body) {
    constexpr unsigned bad_request = 400;
    return status == bad_request && body.starts_with(core::say("request.plain-to-tls").text());
}

}  // namespace corral::http
