#pragma once
// One test against an Ollama server: asks, reads the answer as it comes, and ends it by silence.

#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "corral/bench/measurement.hpp"
#include "corral/core/async.hpp"
#include "corral/core/time.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/http/tls.hpp"

namespace corral::bench {

// How a server is asked: Ollama's way, by OpenAI's streams, by those of Axera's server of late 2025, as Axera's own page
// asks its server, by polls, or as Rockchip's script asks flask_server.py.
enum class asking { ollama, openai, axera, polled, flask };

struct trial_target {
    boost::asio::ip::tcp::endpoint at;
    std::string host;                   // for the Host header
    std::optional<http::tls_peer> tls;  // of https
    http::header_fields headers;        // added to each question
    std::string key;                    // of an Authorization header; empty: none
    std::string model;
    asking how = asking::ollama;
    bool greedy = false;  // the likeliest token always, so that two servers say the same
    std::string system;   // where a test has none; polled alone
    core::nanoseconds first_byte{core::seconds{120}};
    core::nanoseconds silence{core::seconds{60}};
};

// A request of `body` to `path`, begun at `begin`.
[[nodiscard]] http::stream_call call_of(const trial_target& target, std::string path, std::string body,
                                        core::steady_time begin);

// Takes an answer of /api/chat as it comes; pure. Bounds: 4 MiB a line, 1 MiB of text that is kept.
class answer_reader {
public:
    answer_reader(unsigned max_tokens, measurement& into) : into_(into), max_tokens_(max_tokens) {}
    // True when a piece of output (not a blank, not an empty line) came at `at_s` since the request. Fails
    // with protocol, limit_exceeded, or unavailable (the server's own words).
    [[nodiscard]] core::result<bool> take(std::string_view bytes, double at_s);
    [[nodiscard]] bool done() const noexcept { return done_; }
    [[nodiscard]] std::int64_t prefill_raw() const noexcept { return prefill_raw_; }
    [[nodiscard]] std::int64_t decode_raw() const noexcept { return decode_raw_; }

private:
    [[nodiscard]] core::result<bool> take_line(std::string_view line, double at_s);
    measurement& into_;
    std::string rest_;
    unsigned max_tokens_;
    std::size_t bytes_ = 0;
    std::int64_t prefill_raw_ = 0;
    std::int64_t decode_raw_ = 0;
    bool done_ = false;
};

// The body of the request.
[[nodiscard]] std::string request_body(const std::string& model, const prompt_test& test,
                                       bool greedy = false);

// Never throws for what the server does. Cancelled: `interrupted`, with what had come.
[[nodiscard]] core::awaitable<measurement> try_once(trial_target target, prompt_test test);

}  // namespace corral::bench
