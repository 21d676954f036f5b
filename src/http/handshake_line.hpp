#pragma once
// The connections that have not finished their handshake, oldest first. Where they are too many the oldest
// makes room: an honest client is through in a moment, so the one that goes is one that does not talk.

#include <cstddef>
#include <list>

#include <boost/asio/error.hpp>

#include "connection.hpp"

namespace corral::http {

class handshake_line {
public:
    explicit handshake_line(std::size_t limit) : limit_(limit) {}

    // Holds a place in the line; the line and the connection must outlive it.
    class place {
    public:
        place(handshake_line& in, connection& who) : in_(in), at_(in.all_.insert(in.all_.end(), &who)) {}
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        ~place() { in_.all_.erase(at_); }

    private:
        handshake_line& in_;
        std::list<connection*>::iterator at_;
    };

    // The one that is ended leaves the line when its session runs.
    void make_room() {
        if (all_.size() < limit_) {
            return;
        }
        for (connection* oldest : all_) {
            if (!oldest->error()) {
                oldest->end(core::asio::error::timed_out);
                return;
            }
        }
    }

private:
    std::size_t limit_;
    std::list<connection*> all_;
};

}  // namespace corral::http
