#pragma once
// One blocking HTTP/1.1 call on a new loopback connection, with a clock reading right after each read: the
// least there can be between the kernel's socket and a measurement.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace corral::benchmark {

// CLOCK_MONOTONIC in nanoseconds, the clock of the simulator's trace.
std::int64_t monotonic_ns();

class http_call {
public:
    // Connects to 127.0.0.1:`port` and sends the request with `Connection: close`; `json` empty: no body.
    // Throws std::system_error, also when the server is silent for 60 s at any later read.
    http_call(std::uint16_t port, std::string_view method, std::string_view target, std::string_view json);
    ~http_call();
    // From now on the destructor resets the connection instead of closing it. Thousands of polls a second
    // would else leave tens of thousands of TIME_WAIT entries, which every reader of the kernel's socket
    // tables pays for.
    void leave_no_trace() const;
    http_call(const http_call&) = delete;
    http_call& operator=(const http_call&) = delete;

    // Status code; reads up to the end of the header. To be called first.
    int read_header();
    // All of a body with a Content-Length. Throws std::runtime_error when the connection ends before.
    std::string read_body();
    // One line of a chunked body, without its newline; false at the end of the body.
    bool read_line(std::string& line);
    // When the read that completed the last line or body returned.
    [[nodiscard]] std::int64_t read_at() const noexcept { return read_at_; }

private:
    bool receive();
    void unchunk();

    int socket_ = -1;
    std::string raw_;    // as received, not yet decoded
    std::string plain_;  // decoded from chunks
    std::size_t content_length_ = 0;
    std::size_t chunk_left_ = 0;
    bool chunked_ = false;
    bool ended_ = false;
    std::int64_t read_at_ = 0;
};

}  // namespace corral::benchmark
