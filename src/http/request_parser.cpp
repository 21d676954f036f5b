#include "request_parser.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/buffers_iterator.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>

#include "request_target.hpp"

namespace corral::http {

namespace beast_http = boost::beast::http;

namespace {

// A string body that pays for each byte when it arrives, so an announced length alone blocks nobody.
struct charged_body {
    struct value_type {
        std::string text;
        std::optional<body_charge> charge;
        std::size_t announced = 0;
    };
    // Of an announced body; the rest once that much has come.
    static constexpr std::size_t at_once = 256 * 1024;

    class reader {
    public:
        template <bool IsRequest, class Fields>
        reader(beast_http::header<IsRequest, Fields>&, value_type& into) : into_(into) {}

        void init(const boost::optional<std::uint64_t>& length, core::error_code& error) {
            error = {};
            if (length) {
                into_.announced = static_cast<std::size_t>(*length);
                into_.text.reserve(std::min(into_.announced, at_once));
            }
        }

        template <class Buffers>
        std::size_t put(const Buffers& buffers, core::error_code& error) {
            error = {};
            const std::size_t bytes = core::asio::buffer_size(buffers);
            if (!into_.charge || !into_.charge->take(bytes)) {
                error = core::errc::limit_exceeded;
                return 0;
            }
            if (into_.text.size() >= at_once && into_.text.capacity() < into_.announced) {
                into_.text.reserve(into_.announced);  // growing by halves would move all of it several times
            }
            into_.text.append(core::asio::buffers_begin(buffers), core::asio::buffers_end(buffers));
            return bytes;
        }

        void finish(core::error_code& error) { error = {}; }

    private:
        value_type& into_;
    };
};

constexpr const char* busy = "server busy: too many request bodies at once";

bool all_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::size_t leading_line_ends(std::string_view bytes) {
    std::size_t count = 0;
    while (bytes.size() - count >= 2 && bytes[count] == '\r' && bytes[count + 1] == '\n') {
        count += 2;
    }
    return count;
}

// True for a well-formed request line but for the version's number; Beast gives one error for all that is odd
// there.
bool asks_other_version(std::string_view bytes) {
    const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
    const std::size_t last = line.rfind(' ');
    if (last == std::string_view::npos || std::count(line.begin(), line.end(), ' ') != 2) {
        return false;
    }
    const std::string_view version = line.substr(last + 1);
    return version.starts_with("HTTP/") && version.size() == 8 && version[6] == '.';
}

}  // namespace

struct request_parser::machine {
    beast_http::request_parser<charged_body> parser;
};

request_parser::request_parser(parser_limits limits)
    : limits_(limits), machine_(std::make_unique<machine>()) {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    machine_->parser.header_limit(static_cast<std::uint32_t>(std::min(limits_.header_bytes, most)));
    machine_->parser.body_limit(limits_.body_bytes);
}

request_parser::~request_parser() = default;

std::size_t request_parser::feed(std::string_view bytes) {
    std::size_t used = 0;
    if (state_ == progress::header) {
        used = feed_header(bytes);
    }
    if (state_ == progress::body) {
        used += feed_body(bytes.substr(used));
    }
    return used;
}

std::size_t request_parser::feed_header(std::string_view bytes) {
    auto& parser = machine_->parser;
    std::size_t used = 0;
    if (!parser.got_some()) {
        used = leading_line_ends(bytes);
        const std::string_view rest = bytes.substr(used);
        if (rest.empty() || rest == "\r") {
            header_bytes_ += used;
            if (header_bytes_ > limits_.header_bytes) {
                refuse(431, "request header too large");
            }
            return used;
        }
    }
    parser.eager(false);
    core::error_code error;
    used += parser.put(core::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    header_bytes_ += used;
    const bool more = error == beast_http::error::need_more;
    // Beast compares its limit with the bytes of one call only, and it takes line by line.
    if (header_bytes_ > limits_.header_bytes ||
        (more && header_bytes_ + (bytes.size() - used) >= limits_.header_bytes)) {
        refuse(431, "request header too large");
    } else if (error == beast_http::error::bad_version && asks_other_version(bytes.substr(used))) {
        refuse(505, "HTTP version not supported");
    } else if (error && !more) {
        on_error(error);
    } else if (parser.is_header_done()) {
        on_header();
    }
    return used;
}

void request_parser::on_header() {
    auto& parser = machine_->parser;
    const auto& message = parser.get();
    request_.method = message.method_string();
    request_.target = message.target();
    request_.version = message.version();
    keep_alive_ = parser.keep_alive();
    for (const auto& field : message) {
        // Copied now: Beast would add the trailer's fields later, and those prove nothing.
        request_.headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    if (!check_framing() || !check_fields()) {
        return;
    }
    parser.eager(true);
    state_ = parser.is_done() ? progress::complete : progress::at_body;
    if (state_ == progress::complete) {
        wants_continue_ = false;
    }
}

void request_parser::admit(body_budget& budget, std::string_view client) {
    auto& charge = machine_->parser.get().body().charge.emplace(budget, client);
    state_ = progress::body;
    const auto length = machine_->parser.content_length();
    if (length && !charge.could_take(static_cast<std::size_t>(*length))) {
        refuse(503, busy);
    }
}

std::size_t request_parser::body_bytes() const noexcept {
    return machine_->parser.get().body().text.size();
}

memory_charge* request_parser::charge() const noexcept {
    auto& charge = machine_->parser.get().body().charge;
    return charge ? &*charge : nullptr;
}

// RFC 9112 §6.3: where two readers could disagree about the body's end, nothing is served.
bool request_parser::check_framing() {
    const auto& message = machine_->parser.get();
    const auto lengths = message.count(beast_http::field::content_length);
    const auto encodings = message.count(beast_http::field::transfer_encoding);
    if (lengths > 1 || (lengths == 1 && !all_digits(message[beast_http::field::content_length]))) {
        refuse(400, "bad Content-Length");
        return false;
    }
    if (encodings == 0) {
        return true;
    }
    if (lengths > 0 || encodings > 1 || request_.version < 11) {
        refuse(400, "bad Transfer-Encoding");
        return false;
    }
    if (!boost::beast::iequals(message[beast_http::field::transfer_encoding], "chunked")) {
        refuse(501, "unsupported transfer encoding");
        return false;
    }
    return true;
}

bool request_parser::check_fields() {
    const auto& message = machine_->parser.get();
    const auto hosts = message.count(beast_http::field::host);
    if (hosts > 1 || (hosts == 0 && request_.version >= 11)) {
        refuse(400, hosts == 0 ? "missing required Host header" : "too many Host headers");
        return false;
    }
    auto target = split_target(request_.method, request_.target);
    if (!target) {
        refuse(400, "bad request target");
        return false;
    }
    request_.path = std::move(target->path);
    request_.query = std::move(target->query);
    const std::string_view expect = message[beast_http::field::expect];
    if (!expect.empty() && request_.version >= 11) {
        if (!boost::beast::iequals(expect, "100-continue")) {
            refuse(417, "unknown expectation");
            return false;
        }
        wants_continue_ = true;
    }
    return true;
}

std::size_t request_parser::feed_body(std::string_view bytes) {
    auto& parser = machine_->parser;
    // A chunked body never ends in fewer bytes, and Beast asserts that a begun last chunk has them.
    constexpr std::size_t shortest_end = 5;
    if (bytes.empty() || (parser.chunked() && bytes.size() < shortest_end)) {
        return 0;
    }
    wants_continue_ = false;
    core::error_code error;
    const std::size_t used = parser.put(core::asio::buffer(bytes.data(), bytes.size()), error);
    if (error && error != beast_http::error::need_more) {
        on_error(error);
    } else if (parser.is_done()) {
        state_ = progress::complete;
    }
    return used;
}

void request_parser::on_error(const core::error_code& error) {
    if (error == beast_http::error::header_limit) {
        refuse(431, "request header too large");
    } else if (error == beast_http::error::body_limit) {
        refuse(413, "request body too large");
    } else if (error == core::make_error_code(core::errc::limit_exceeded)) {
        refuse(503, busy);
    } else {
        refuse(400, "malformed request: " + error.message());
    }
}

void request_parser::refuse(unsigned status, std::string text) {
    note_path();
    refusal_ = {status, std::move(text)};
    state_ = progress::refused;
    keep_alive_ = false;
    wants_continue_ = false;
    // While the answer goes out, and its reader perhaps lingers, others may have the room.
    auto& body = machine_->parser.get().body();
    std::string().swap(body.text);
    body.charge.reset();
}

// A refused request is answered in the words of the format that its path belongs to.
void request_parser::note_path() {
    const auto& message = machine_->parser.get();
    if (!request_.path.empty() || message.target().empty()) {
        return;
    }
    auto target = split_target(message.method_string(), message.target());
    if (target) {
        request_.path = std::move(target->path);
    }
}

request request_parser::take() {
    request_.body = std::move(machine_->parser.get().body().text);
    return std::move(request_);
}

}  // namespace corral::http
