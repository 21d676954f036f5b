#include "request_parser.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "corral/core/say.hpp"

namespace corral::http {

namespace beast_http = boost::beast::http;

namespace {

// Of a head in memory while it comes: what it is read from, which grows by doubling, and its fields.
constexpr std::size_t head_copies = 3;
constexpr std::size_t most_fields = 2048;  // each costs more than its bytes

bool all_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

auto count_of(const header_fields& fields, std::string_view name) {
    return std::ranges::count_if(
        fields.all(), [name](const auto& field) { return boost::beast::iequals(field.first, name); });
}

std::size_t leading_line_ends(std::string_view bytes) {
    std::size_t count = 0;
    while (bytes.size() - count >= 2 && bytes[count] == '\r' && bytes[count + 1] == '\n') {
        count += 2;
    }
    return count;
}

// Both versions of the PROXY protocol; line ends before a request are dropped, those of the second version too.
bool begins_as_proxied(std::string_view bytes) {
    using namespace std::string_view_literals;
    bytes.remove_prefix(leading_line_ends(bytes));
    return bytes.starts_with("PROXY "sv) || bytes.starts_with("\0\r\nQUIT\n"sv);
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

// Beast calls what stands before a line feed without its carriage return bad.
bool breaks_at_line_feed(const core::error_code& error, std::string_view bytes) {
    if (error != beast_http::error::bad_version && error != beast_http::error::bad_value) {
        return false;
    }
    bytes.remove_prefix(leading_line_ends(bytes));
    const std::string_view head = bytes.substr(0, bytes.find("\r\n\r\n"));
    std::size_t at = head.find('\n');
    while (at != std::string_view::npos && at > 0 && head[at - 1] == '\r') {
        at = head.find('\n', at + 1);
    }
    return at != std::string_view::npos;
}

}  // namespace

// Fields go where they stay, so a head is held once; Beast's own container takes none above 64 KiB. A body pays for each
// byte when it arrives, so an announced length alone blocks no other.
struct request_parser::machine final : beast_http::basic_parser<true> {
    explicit machine(request& into) : into_(into) {}

    std::optional<body_charge> charge;
    std::size_t head_charge = 0;  // of it
    std::string body;
    bool last_chunk_begun = false;

protected:
    using text = boost::beast::string_view;
    using error_code = boost::beast::error_code;
    // Of an announced body; the rest once that much has come.
    static constexpr std::size_t at_once = 256 * 1024;

    void on_request_impl(beast_http::verb, text method, text target, int version,
                         error_code& error) override {
        error = {};
        into_.method.assign(method.data(), method.size());
        into_.target.assign(target.data(), target.size());
        into_.version = static_cast<unsigned>(version);
    }
    void on_field_impl(beast_http::field, text name, text value, error_code& error) override {
        count_field(error);
        if (!error && !is_header_done()) {
            into_.headers.add({name.data(), name.size()}, {value.data(), value.size()});
        }
    }
    // Fields of a trailer prove nothing. Beast brings them here from Boost 1.90 on, before it as all others.
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winconsistent-missing-override"
#endif
    void on_trailer_field_impl(beast_http::field, text, text, error_code& error) {
        count_field(error);
    }
#ifdef __clang__
#pragma clang diagnostic pop
#endif
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& error) override {
        error = {};
        if (length) {
            announced_ = static_cast<std::size_t>(*length);
            body.reserve(std::min(announced_, at_once));
        }
    }
    std::size_t on_body_impl(text bytes, error_code& error) override {
        error = {};
        if (!charge || !charge->take(bytes.size())) {
            error = core::errc::limit_exceeded;
            return 0;
        }
        if (body.size() >= at_once && body.capacity() < announced_) {
            body.reserve(announced_);  // growing by halves would move all of it several times
        }
        body.append(bytes.data(), bytes.size());
        return bytes.size();
    }
    std::size_t on_chunk_body_impl(std::uint64_t, text bytes, error_code& error) override {
        return on_body_impl(bytes, error);
    }
    void on_response_impl(int, text, int, error_code& error) override {
        error = {};
    }
    void on_header_impl(error_code& error) override {
        error = {};
    }
    void on_chunk_header_impl(std::uint64_t size, text, error_code& error) override {
        error = {};
        last_chunk_begun = size == 0;
    }
    void on_finish_impl(error_code& error) override {
        error = {};
    }

private:
    void count_field(error_code& error) {
        error = {};
        if (++fields_ > most_fields) {
            error = beast_http::error::header_limit;
        }
    }

    request& into_;
    std::size_t announced_ = 0;
    std::size_t fields_ = 0;
};

request_parser::request_parser(parser_limits limits)
    : limits_(limits), machine_(std::make_unique<machine>(request_)) {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    machine_->header_limit(static_cast<std::uint32_t>(std::min(limits_.header_bytes, most)));
    machine_->body_limit(limits_.body_bytes);
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
    auto& parser = *machine_;
    std::size_t used = 0;
    if (!parser.got_some()) {
        used = leading_line_ends(bytes);
        const std::string_view rest = bytes.substr(used);
        if (rest.empty() || rest == "\r") {
            header_bytes_ += used;
            if (header_bytes_ > limits_.header_bytes) {
                refuse(431, core::say("request.head-too-large"));
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
        refuse(431, core::say("request.head-too-large"));
    } else if (error == beast_http::error::bad_version && asks_other_version(bytes.substr(used))) {
        refuse(505, core::say("request.malformed/http"));
    } else if (error && !more && begins_as_proxied(bytes)) {
        refuse(400, core::say("request.malformed/proxy"));
    } else if (error && !more && breaks_at_line_feed(error, bytes)) {
        refuse(400, core::say("request.malformed/line-feed"));
    } else if (error && !more) {
        on_error(error);
    } else if (parser.is_header_done()) {
        on_header();
    }
    return used;
}

void request_parser::on_header() {
    auto& parser = *machine_;
    keep_alive_ = parser.keep_alive();
    if (parser.charge) {
        // The bytes that it was read from go now.
        const std::size_t read_from = parser.head_charge - parser.head_charge / head_copies;
        parser.charge->give_back(read_from);
        parser.head_charge -= read_from;
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

bool request_parser::pay_for_head(body_budget& budget, std::string_view client, std::size_t bytes) {
    auto& charge = machine_->charge;
    if (!charge) {
        charge.emplace(budget, client);
    }
    const bool taken = charge->take(bytes * head_copies);
    machine_->head_charge += taken ? bytes * head_copies : 0;
    return taken;
}

// Its head was paid for by its address; it may be somebody's whose share is another.
void request_parser::admit(body_budget& budget, std::string_view client) {
    auto& charge = machine_->charge;
    charge.reset();
    charge.emplace(budget, client);
    state_ = progress::body;
    const auto length = machine_->content_length();
    if (!charge->take(machine_->head_charge) ||
        (length && !charge->could_take(static_cast<std::size_t>(*length)))) {
        refuse(503, core::say("request.too-many-heads/bodies"));
    }
}

bool request_parser::reads_chunks() const noexcept {
    return state_ == progress::body && machine_->chunked();
}

std::size_t request_parser::body_bytes() const noexcept {
    return machine_->body.size();
}

memory_charge* request_parser::charge() const noexcept {
    auto& charge = machine_->charge;
    return charge ? &*charge : nullptr;
}

// RFC 9112 §6.3: where two readers could disagree about the body's end, nothing is served.
bool request_parser::check_framing() {
    const header_fields& fields = request_.headers;
    const auto lengths = count_of(fields, "Content-Length");
    const auto encodings = count_of(fields, "Transfer-Encoding");
    if (lengths > 1 || (lengths == 1 && !all_digits(fields.find("Content-Length")))) {
        refuse(400, core::say("request.malformed/bad"));
        return false;
    }
    if (encodings == 0) {
        return true;
    }
    if (lengths > 0 || encodings > 1 || request_.version < 11) {
        refuse(400, core::say("request.malformed/transfer"));
        return false;
    }
    if (!boost::beast::iequals(fields.find("Transfer-Encoding"), "chunked")) {
        refuse(501, core::say("request.malformed/unsupported"));
        return false;
    }
    return true;
}

bool request_parser::check_fields() {
    const auto hosts = count_of(request_.headers, "Host");
    if (hosts > 1 || (hosts == 0 && request_.version >= 11)) {
        refuse(400, hosts == 0 ? core::say("request.malformed/missing") : core::say("request.malformed/too"));
        return false;
    }
    auto target = split_target(request_.method, request_.target);
    if (!target) {
        refuse(400, core::say("request.malformed/request"));
        return false;
    }
    request_.path = std::move(target->path);
    request_.query = std::move(target->query);
    if (!target->host.empty()) {
        request_.headers.set("Host",
                             std::move(target->host));  // the field must be ignored then (RFC 9112 §3.2.2)
    }
    const std::string_view expect = request_.headers.find("Expect");
    if (!expect.empty() && request_.version >= 11) {
        if (!boost::beast::iequals(expect, "100-continue")) {
            refuse(417, core::say("request.malformed/unknown"));
            return false;
        }
        wants_continue_ = true;
    }
    return true;
}

std::size_t request_parser::feed_body(std::string_view bytes) {
    auto& parser = *machine_;
    // A chunked body never ends in fewer bytes, and Beast asserts that a begun last chunk has them; from Boost 1.90 on it
    // takes the last chunk apart from what follows.
    constexpr std::size_t shortest_end = 5;
    if (bytes.empty() || (parser.chunked() && !parser.last_chunk_begun && bytes.size() < shortest_end)) {
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
        refuse(431, core::say("request.head-too-large"));
    } else if (error == beast_http::error::body_limit) {
        refuse(413, core::say("request.body-too-large"));
    } else if (error == core::make_error_code(core::errc::limit_exceeded)) {
        refuse(503, core::say("request.too-many-heads/bodies"));
    } else {
        refuse(400, core::say("request.malformed/malformed", error.message()));
    }
}

void request_parser::refuse(unsigned status, std::string text) {
    note_path();
    refusal_ = {status, std::move(text)};
    state_ = progress::refused;
    keep_alive_ = false;
    wants_continue_ = false;
    // While the answer goes out, and its reader perhaps lingers, others may have the room.
    std::string().swap(machine_->body);
    machine_->charge.reset();
}

// A refused request is answered in the words of the format that its path belongs to.
void request_parser::note_path() {
    if (!request_.path.empty() || request_.target.empty()) {
        return;
    }
    auto target = split_target(request_.method, request_.target);
    if (target) {
        request_.path = std::move(target->path);
    }
}

request request_parser::take() {
    request_.body = std::move(machine_->body);
    return std::move(request_);
}

}  // namespace corral::http
