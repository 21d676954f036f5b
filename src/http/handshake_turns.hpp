#pragma once
// The arithmetic of TLS handshakes, one step at a time and with the spacing of step_pace. Shares take turns, so that
// a client alone is next but one, however many another has waiting.

#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/steady_timer.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "step_pace.hpp"

namespace corral::http {

class handshake_turns : public std::enable_shared_from_this<handshake_turns> {
public:
    explicit handshake_turns(const core::executor& on) : timer_(on) {}

    // Until it is the turn of this one, or until somebody else cancels `wake`, which is the caller's and unused.
    [[nodiscard]] core::awaitable<void> wait(std::string share, core::asio::steady_timer& wake);
    // What the step took.
    void took(core::nanoseconds span) { pace_.took(span); }

private:
    using line = std::list<core::asio::steady_timer*>;
    void leave(const std::string& share, core::asio::steady_timer* wake);
    void arm();
    void call_next();

    core::asio::steady_timer timer_;
    step_pace pace_;
    std::map<std::string, line> waiting_;
    std::string last_;  // the share that was called last
    bool armed_ = false;
};

}  // namespace corral::http
