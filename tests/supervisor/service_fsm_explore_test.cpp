// All short orders of events of the service machine, from each kind of place.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "explorer.hpp"
#include "service_world.hpp"

namespace corral::supervisor {
namespace {

class explored_service : public service_world {
public:
    using step = happening;
    static constexpr bool merges = false;  // seen() is without the past of the restart policy
    using service_world::possible;
    using service_world::service_world;

    [[nodiscard]] std::vector<happening> possible() const {
        constexpr milliseconds long_enough{2500};  // to be healthy
        std::vector<happening> all;
        for (int i = 0; i < event_kinds; ++i) {
            const auto what = static_cast<event_kind>(i);
            if (!possible(what)) {
                continue;
            }
            all.push_back({what, milliseconds{0}});
            if (what == event_kind::kill) {
                all.push_back({what, milliseconds{0}, restart_reason::cancel});
                all.push_back({what, milliseconds{0}, restart_reason::asked});
            }
            if (what == event_kind::timer && until_wake() && *until_wake() > milliseconds{0}) {
                all.push_back({what, *until_wake()});
            }
            if (what == event_kind::exited && machine().state() == service_state::ready) {
                all.push_back({what, long_enough});
            }
        }
        return all;
    }
    std::string happen(const happening& h) {
        // A start may only make it forget, which nobody sees; a second one at once has no more to forget.
        forgotten_ += h.what == event_kind::start && !started_ ? 1U : 0U;
        started_ = h.what == event_kind::start;
        return service_world::happen(h);
    }
    [[nodiscard]] std::string seen() const {
        return service_world::seen() + '|' + std::to_string(forgotten_);
    }
    [[nodiscard]] std::string comes_to_rest() const { return supervisor::comes_to_rest(*this); }
    static std::string told(const happening& h) {
        return "+" + std::to_string(h.after.count()) + " ms " + to_string(h.what);
    }

private:
    unsigned forgotten_ = 0;
    bool started_ = false;
};

// From its beginning, on its way to ready, until the breaker opens, and from its trial.
std::string explore_life(explored_service w, test::explorer<explored_service>& by) {
    const std::vector<happening> to_ready{
        {event_kind::start, milliseconds{0}},          {event_kind::gate_opened, milliseconds{0}},
        {event_kind::spawned, milliseconds{0}},        {event_kind::socket_owned, milliseconds{1}},
        {event_kind::probe_answered, milliseconds{1}}, {event_kind::self_test_passed, milliseconds{1}}};
    std::string wrong;
    const auto walk = [&w, &wrong](const happening& h) {
        if (wrong.empty() && w.service_world::possible(h.what)) {
            wrong = w.happen(h);
        }
    };
    by.explore(w);
    for (const happening& h : to_ready) {
        walk(h);
        by.explore(w);
    }
    for (int deaths = 0; deaths < 4; ++deaths) {
        walk({event_kind::exited, milliseconds{1}});
        walk({event_kind::gone, milliseconds{1}});
        by.explore(w);
        if (w.until_wake()) {
            walk({event_kind::timer, *w.until_wake()});
        }
        by.explore(w);
        for (std::size_t i = 1; i < to_ready.size(); ++i) {
            walk(to_ready[i]);
        }
    }
    return wrong;
}

TEST(service_fsm_explore, every_order_of_a_few_events_keeps_the_invariants) {
    test::explorer<explored_service> all(3);
    for (const bool tested : {false, true}) {
        for (const bool gated : {false, true}) {
            EXPECT_EQ(explore_life(explored_service(tested, gated), all), "");
        }
    }
    all.expect_all_well("service");
}

}  // namespace
}  // namespace corral::supervisor
