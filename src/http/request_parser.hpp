#pragma once
// Bytes in, one bounded request or one refusal out; knows no socket.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "body_budget.hpp"
#include "corral/http/message.hpp"

namespace corral::http {

// The request line's target, taken apart for routing.
struct request_target {
    std::string path;   // percent-decoded, doubled slashes and a trailing slash removed
    std::string query;  // without '?', not decoded
    std::string host;   // of an absolute one, with its port
};

// Takes "/a/b?q", "http://host/a/b?q", the same with https, and "*" with OPTIONS. Nothing for anything else, for a
// broken percent escape, and for an escape of a control character.
[[nodiscard]] std::optional<request_target> split_target(std::string_view method, std::string_view target);

struct refusal {
    unsigned status = 400;
    std::string text;
};

struct parser_limits {
    std::size_t header_bytes = 32 * 1024;
    std::size_t body_bytes = 64 * 1024 * 1024;
};

// Parses exactly one request. Stops behind the header of one that has a body: nothing of that is read before it is
// known whose it is.
class request_parser {
public:
    enum class progress { header, at_body, body, complete, refused };

    explicit request_parser(parser_limits limits);
    ~request_parser();

    // Takes what it can use of `bytes` and returns how much that was; what was not taken must come again, at
    // the front and with more behind it. Stops behind the request's last byte.
    std::size_t feed(std::string_view bytes);

    [[nodiscard]] progress state() const noexcept { return state_; }
    // `client` pays for so many bytes more of a head that is long; false: there is no room. REQUIRES: state() == header,
    // and else as admit().
    [[nodiscard]] bool pay_for_head(body_budget& budget, std::string_view client, std::size_t bytes);
    // The body is wanted, and `client` pays for it; a refusal where there is no room. `budget` must outlive the parser,
    // which holds the charge until its own end. REQUIRES: state() == at_body.
    void admit(body_budget& budget, std::string_view client);
    // A body that comes in chunks.
    [[nodiscard]] bool reads_chunks() const noexcept;
    // Of the body so far.
    [[nodiscard]] std::size_t body_bytes() const noexcept;
    // Absent for a request without a body and with a short head.
    [[nodiscard]] memory_charge* charge() const noexcept;

    // True while the body is outstanding and the client waits for "100 Continue" before it sends it.
    [[nodiscard]] bool wants_continue() const noexcept { return wants_continue_; }
    void continue_sent() noexcept { wants_continue_ = false; }
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
    // Method and version are known once the header is; "" and 11 before.
    [[nodiscard]] const request& seen() const noexcept { return request_; }
    [[nodiscard]] request& seen_from(const boost::asio::ip::tcp::endpoint& peer, bool relayed) {
        request_.peer = peer;
        request_.relayed = relayed;
        return request_;
    }
    [[nodiscard]] const refusal& why() const noexcept { return refusal_; }

    // Ends the parsing for a reason of the caller's.
    void note_path();
    void refuse(unsigned status, std::string text);

    // REQUIRES: state() == complete; once. `peer` and `arrived` are the caller's to set.
    [[nodiscard]] request take();

private:
    struct machine;

    std::size_t feed_header(std::string_view bytes);
    std::size_t feed_body(std::string_view bytes);
    void on_header();
    [[nodiscard]] bool check_framing();
    [[nodiscard]] bool check_fields();
    void on_error(const core::error_code& error);

    parser_limits limits_;
    std::unique_ptr<machine> machine_;
    progress state_ = progress::header;
    bool wants_continue_ = false;
    bool keep_alive_ = false;
    std::size_t header_bytes_ = 0;
    request request_;
    refusal refusal_;
};

}  // namespace corral::http
