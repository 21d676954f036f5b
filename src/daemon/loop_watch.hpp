#pragma once
// For developers: names what held the event loop. A thread asks the loop for a sign of life again and again; where the
// loop's thread has computed for longer than it may since it was asked, its stack at that moment goes into the log
// (event=loop.held), to be read with `addr2line -Cfe corral`. On with the variable CORRAL_LOOP_WATCH, in milliseconds.
// Time in which the processor was taken from us does not count: no handler of ours could help it.

#include <memory>

#include "corral/core/async.hpp"

namespace corral::daemon {

class loop_watch {
public:
    // On the loop's thread. Null: it was not asked for.
    [[nodiscard]] static std::unique_ptr<loop_watch> start_if_wanted(core::executor loop);
    ~loop_watch();
    loop_watch(const loop_watch&) = delete;
    loop_watch& operator=(const loop_watch&) = delete;

private:
    struct state;
    explicit loop_watch(std::shared_ptr<state> s);
    std::shared_ptr<state> state_;
};

}  // namespace corral::daemon
