#pragma once
// The answer of a server, from bytes that come in any pieces. No I/O.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/optional.hpp>

#include "corral/core/result.hpp"
#include "corral/http/message.hpp"

namespace corral::http {

struct reply_bounds {
    bool without_body = false;            // of a HEAD
    boost::optional<std::uint64_t> body;  // bytes; none: no bound
    std::size_t head = std::size_t{64} * 1024;
    std::size_t line = std::size_t{64} * 1024;  // of a chunked body
};

class reply_parser {
public:
    // `name`: of the call, for failures.
    reply_parser(std::string name, const reply_bounds& bounds);

    // Where bytes are appended as they come; feed() takes what it can of them.
    [[nodiscard]] std::string& pending() noexcept { return pending_; }
    // Failures: protocol, limit_exceeded.
    [[nodiscard]] core::result<void> feed();
    // The server closed, or could not be read from.
    [[nodiscard]] core::result<void> end(const core::error_code& read_error);

    [[nodiscard]] bool head_done() const { return parser_->is_header_done(); }
    [[nodiscard]] bool done() const { return parser_->is_done(); }
    // Nothing of an answer came.
    [[nodiscard]] bool silent() const { return !parser_->got_some() && pending_.empty(); }
    // REQUIRES: head_done(). It is whole, nothing stands behind it, and the connection stays open.
    [[nodiscard]] bool leaves_open() const {
        return parser_->is_done() && parser_->keep_alive() && pending_.empty();
    }
    // REQUIRES: head_done().
    [[nodiscard]] unsigned status() const { return parser_->get().result_int(); }
    [[nodiscard]] const header_fields& headers() const noexcept { return head_; }
    // The last of that name behind the body; empty: there is none, or the body is not complete.
    [[nodiscard]] std::string trailer(std::string_view name) const;
    // What is there of the body, without its framing; to be taken away.
    [[nodiscard]] std::string& body() { return parser_->get().body(); }

    [[nodiscard]] core::failure failure_of(const core::error_code& error) const;
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    void renew();
    [[nodiscard]] header_fields fields() const;
    [[nodiscard]] static core::failure broken(core::reason how);
    [[nodiscard]] core::failure too_long(const char* what) const;

    std::string name_;
    reply_bounds bounds_;
    std::optional<boost::beast::http::response_parser<boost::beast::http::string_body>> parser_;
    std::string pending_;
    std::size_t head_bytes_ = 0;
    header_fields head_;
};

}  // namespace corral::http
