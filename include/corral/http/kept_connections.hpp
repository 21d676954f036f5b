#pragma once
// Connections to one server that stay open between two calls, for servers that keep theirs. Bounded in number and in
// time; closed when the server's process goes.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/time.hpp"

namespace corral::http {

struct outgoing;

// Not thread safe. Made with std::make_shared.
class kept_connections : public std::enable_shared_from_this<kept_connections> {
public:
    // Each is closed after `idle` without a call. At most one more than `calls`, the number of calls at a time, are kept,
    // those in calls counted: some servers give each connection a thread of few.
    kept_connections(core::nanoseconds idle, std::size_t calls) : idle_(idle), calls_(calls) {}
    kept_connections(const kept_connections&) = delete;
    kept_connections& operator=(const kept_connections&) = delete;
    ~kept_connections() { close(); }

    // Those between calls are closed now, those in a call at its end.
    void close();
    [[nodiscard]] std::size_t idle() const noexcept { return idle_lines_.size(); }

    // A call to `to` begins, and ends with end() of the same mark.
    struct begun_call {
        std::shared_ptr<outgoing> line;  // open and quiet; null: a new one is needed
        std::uint64_t mark = 0;
    };
    [[nodiscard]] begun_call begin(const boost::asio::ip::tcp::endpoint& to);
    // `line`, null where it can't carry another call, is kept or closed.
    void end(std::uint64_t mark, std::shared_ptr<outgoing> line);

private:
    void forget(const outgoing* line, std::uint64_t armed);

    core::nanoseconds idle_;
    std::size_t calls_;
    boost::asio::ip::tcp::endpoint to_;
    std::deque<std::shared_ptr<outgoing>> idle_lines_;  // the latest last
    std::size_t in_calls_ = 0;
    std::uint64_t mark_ = 1;  // of calls since the last close()
};

}  // namespace corral::http
