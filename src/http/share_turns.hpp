#pragma once
// Work of many on the one thread, a step at a time. Shares take turns, so that a client alone is next but one, however
// many another has waiting. Two kinds: the arithmetic of TLS handshakes has the spacing of step_pace; of requests one
// begins in each round of the loop, so that whatever is ready besides goes on after each.

#include <algorithm>
#include <list>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "corral/core/async.hpp"
#include "corral/core/time.hpp"

namespace corral::http {

// Leaves time between costly steps of many (the arithmetic of TLS handshakes), so that a crowd of them can't
// take the one thread from the streams: they get a third of it.
class step_pace {
public:
    // When the next step may begin; never before `now`.
    [[nodiscard]] core::steady_time next(core::steady_time now) const { return std::max(now, free_); }
    // A step begins.
    void take(core::steady_time now) {
        free_ = next(now) + std::chrono::duration_cast<core::steady_time::duration>(spacing_);
    }
    // What a step took, for the spacing of the next.
    void took(core::nanoseconds span) {
        constexpr core::nanoseconds longest = core::milliseconds{30};
        spacing_ = std::min((spacing_ + 3 * span) / 2, longest);
    }

private:
    core::steady_time free_{};
    core::nanoseconds spacing_{
        0};  // from the begin of one to the begin of the next; settles at three times a step
};

class share_turns : public std::enable_shared_from_this<share_turns> {
public:
    enum class spacing { by_cost, by_round };
    enum class entry { behind, before };  // the others of the same share
    explicit share_turns(const core::executor& on, spacing how = spacing::by_cost) : timer_(on), how_(how) {}

    // True: none waits, so it is the turn of this one.
    [[nodiscard]] bool passes();
    // Until it is the turn of this one, or until somebody else cancels `wake`, which is the caller's and unused.
    [[nodiscard]] core::awaitable<void> wait(std::string share, core::asio::steady_timer& wake,
                                             entry where = entry::behind);
    // What the step took.
    void took(core::nanoseconds span) { pace_.took(span); }

private:
    struct waiter {
        core::asio::steady_timer* wake;
        bool called = false;
    };
    using line = std::list<waiter*>;
    void take(core::steady_time now);
    void leave(const std::string& share, waiter* one);
    void next_round();
    void arm();
    void call_next();

    core::asio::steady_timer timer_;
    const spacing how_;
    step_pace pace_;
    std::map<std::string, line> waiting_;
    std::string last_;  // the share that was called last
    bool armed_ = false;
    bool taken_ = false;  // of this round
};

}  // namespace corral::http
