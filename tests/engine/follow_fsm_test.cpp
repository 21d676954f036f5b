#include "engine/dialects/ax_poll/follow_fsm.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

using core::milliseconds;

struct event {
    int ms;
    char what;  // 'b' begun, 'f' done:false, 'd' done:true, 'T' done:true with text, 't' done:false with text
};
struct follow_case {
    const char* name;
    std::vector<event> events;
    follow_verdict last;
    follow_state state;
};

const follow_case cases[] = {
    {"early done never ends",
     {{1, 'd'}, {2, 'd'}, {3, 'd'}, {1999, 'd'}},
     follow_verdict::go_on,
     follow_state::accepted},
    {"dropped call is found after the grace",
     {{1, 'd'}, {2001, 'd'}},
     follow_verdict::swallowed,
     follow_state::over},
    {"plain run",
     {{1, 'f'}, {2, 't'}, {3, 'f'}, {4, 'd'}, {5, 'd'}},
     follow_verdict::ended,
     follow_state::over},
    {"first done waits for a second poll",
     {{1, 'f'}, {2, 't'}, {3, 'd'}},
     follow_verdict::go_on,
     follow_state::closing},
    {"text with done", {{1, 'f'}, {2, 'T'}, {3, 'd'}}, follow_verdict::ended, follow_state::over},
    {"straggler comes with the second done",
     {{1, 'f'}, {2, 'd'}, {3, 'T'}},
     follow_verdict::ended,
     follow_state::over},
    {"whole run between two polls",
     {{1, 'd'}, {2, 'T'}, {3, 'd'}},
     follow_verdict::ended,
     follow_state::over},
    {"done after the tap saw it begin",
     {{1, 'd'}, {2, 'b'}, {3, 'd'}, {4, 'd'}},
     follow_verdict::ended,
     follow_state::over},
    {"poll sent before the tap saw it",
     {{5, 'b'}, {4, 'd'}, {4, 'd'}},
     follow_verdict::go_on,
     follow_state::running},
    {"begun long after the grace is no drop",
     {{1, 'b'}, {3000, 'f'}},
     follow_verdict::go_on,
     follow_state::running},
    {"done:false after done goes on",
     {{1, 'f'}, {2, 'd'}, {3, 'f'}, {4, 'd'}},
     follow_verdict::go_on,
     follow_state::closing},
};

TEST(follow_fsm, means_what_its_table_says) {
    const core::steady_time start{core::seconds{1000}};
    for (const follow_case& one : cases) {
        follow_fsm fsm(milliseconds{2000}, start);
        follow_verdict got = follow_verdict::go_on;
        for (const event& e : one.events) {
            const core::steady_time at = start + milliseconds{e.ms};
            if (e.what == 'b') {
                fsm.on_begun(at);
            } else {
                got = fsm.on_poll(at, e.what == 'd' || e.what == 'T', e.what == 't' || e.what == 'T');
            }
        }
        EXPECT_EQ(got, one.last) << one.name;
        EXPECT_EQ(fsm.state(), one.state) << one.name;
    }
}

}  // namespace
}  // namespace corral::engine::ax_poll
