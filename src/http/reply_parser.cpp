#include "http/reply_parser.hpp"

#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>

#include "corral/core/say.hpp"

namespace corral::http {

namespace {

namespace beast_http = boost::beast::http;

// Beast asserts that a chunked body's begun last chunk has this many bytes; it never ends in fewer.
constexpr std::size_t shortest_chunked_end = 5;

// An answer that another one follows.
bool is_interim(unsigned status) {
    return status / 100 == 1 && status != 101;
}

}  // namespace

reply_parser::reply_parser(std::string name, const reply_bounds& bounds)
    : name_(std::move(name)), bounds_(bounds) {
    renew();
}

void reply_parser::renew() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(bounds_.head));
    parser_->skip(bounds_.without_body);
    parser_->body_limit(bounds_.body);
    head_ = {};
    head_bytes_ = 0;
}

core::failure reply_parser::broken(core::reason how) {
    return core::make_failure(core::errc::protocol, std::move(how));
}

core::failure reply_parser::too_long(const char* what) const {
    return core::make_failure(core::errc::limit_exceeded,
                              core::say("runtime.remote-broken/too-long", name_, what));
}

core::failure reply_parser::failure_of(const core::error_code& error) const {
    if (error == core::make_error_code(core::errc::timed_out)) {
        return {error, core::say("runtime.remote-broken/no-answer", name_)};
    }
    return {error, core::say("runtime.remote-broken/connection", name_, error)};
}

core::result<void> reply_parser::feed() {
    while (!pending_.empty() && !parser_->is_done()) {
        const bool in_head = !parser_->is_header_done();
        if (!in_head && parser_->chunked() && pending_.size() < shortest_chunked_end) {
            break;
        }
        parser_->eager(!in_head);  // what follows the head is not of it
        core::error_code error;
        const std::size_t used = parser_->put(boost::asio::buffer(pending_), error);
        pending_.erase(0, used);
        if (in_head && parser_->is_header_done()) {
            head_ = fields();
        }
        head_bytes_ += in_head ? used : 0;
        if (error == beast_http::error::header_limit || head_bytes_ > bounds_.head) {
            return too_long("the head of the answer");
        }
        if (error == beast_http::error::body_limit) {
            return too_long("the answer");
        }
        if (error && error != beast_http::error::need_more) {
            return broken(core::say("runtime.remote-broken/http", name_, error));
        }
        if (parser_->is_done() && is_interim(status())) {
            renew();
            continue;
        }
        if (used == 0) {
            break;
        }
    }
    if (pending_.size() > bounds_.line) {
        return too_long("a line of the answer");
    }
    return {};
}

core::result<void> reply_parser::end(const core::error_code& read_error) {
    if (!parser_->got_some()) {
        return read_error ? failure_of(read_error) : broken(core::say("runtime.remote-broken/closed", name_));
    }
    if (read_error) {
        return broken(core::say("runtime.remote-broken/cut-why", name_, read_error));
    }
    // What feed() left is shorter than any last chunk.
    core::error_code error;
    if (pending_.empty() && !parser_->is_done()) {
        parser_->put_eof(error);
    }
    if (error || !parser_->is_done()) {
        return broken(core::say("runtime.remote-broken/cut", name_));
    }
    return {};
}

// The parser has those behind the body among the others.
std::string reply_parser::trailer(std::string_view name) const {
    const auto all_of = [&](const header_fields& from) {
        std::vector<std::string> out;
        for (const auto& [each, value] : from.all()) {
            if (boost::beast::iequals(each, name)) {
                out.push_back(value);
            }
        }
        return out;
    };
    const std::vector<std::string> all = done() ? all_of(fields()) : std::vector<std::string>{};
    return all.size() > all_of(head_).size() ? all.back() : std::string();
}

header_fields reply_parser::fields() const {
    header_fields out;
    for (const auto& field : parser_->get()) {
        out.add(std::string(field.name_string()), std::string(field.value()));
    }
    return out;
}

}  // namespace corral::http
