// Long random walks of the service machine; service_fsm_explore_test.cpp has all short ones.

#include <cstdint>
#include <cstdlib>

#include <array>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "service_world.hpp"

namespace corral::supervisor {
namespace {

std::string replay(const std::vector<happening>& walk, bool tested, bool gated) {
    service_world w(tested, gated);
    for (const happening& h : walk) {
        if (w.possible(h.what)) {
            std::string wrong = w.happen(h);
            if (!wrong.empty()) {
                return wrong;
            }
        }
    }
    return comes_to_rest(w);
}

// Leaves out every step that the failure does not need.
std::vector<happening> shortest(std::vector<happening> walk, bool tested, bool gated) {
    for (bool shorter = true; shorter;) {
        shorter = false;
        for (std::size_t i = 0; i < walk.size(); ++i) {
            std::vector<happening> without = walk;
            without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
            if (!replay(without, tested, gated).empty()) {
                walk = std::move(without);
                shorter = true;
                break;
            }
        }
    }
    return walk;
}

std::string told(const std::vector<happening>& walk) {
    std::string text;
    for (const happening& h : walk) {
        text += "\n  +" + std::to_string(h.after.count()) + " ms " + to_string(h.what);
    }
    return text;
}

happening pick(const service_world& w, std::mt19937_64& random) {
    while (true) {
        const auto what = static_cast<event_kind>(random() % event_kinds);
        // What drives it forward comes more often, so that deep states are reached.
        const bool forward = what == event_kind::gate_opened ||
                             (what >= event_kind::spawned && what <= event_kind::self_test_passed);
        if (!w.possible(what) || (!forward && random() % 3 != 0)) {
            continue;
        }
        milliseconds after{static_cast<std::int64_t>(random() % 200)};
        if (what == event_kind::timer && w.until_wake() && random() % 2 == 0) {
            after = *w.until_wake();
        }
        constexpr std::array whys{restart_reason::hang, restart_reason::cancel, restart_reason::asked};
        return {what, after, whys[random() % whys.size()]};
    }
}

TEST(service_fsm_walk, invariants_hold_after_every_step_of_any_walk) {
    std::vector<happening> worst;
    std::string worst_rule;
    std::size_t readies = 0;
    // CORRAL_WALKS=5000 is a million steps.
    const char* const asked = std::getenv("CORRAL_WALKS");
    const std::uint64_t walks = asked != nullptr ? std::strtoull(asked, nullptr, 10) : 4000;
    for (std::uint64_t seed = 1; seed <= walks; ++seed) {
        const bool tested = seed % 4 != 0;
        const bool gated = seed % 3 == 0;
        std::mt19937_64 random(seed);
        service_world w(tested, gated);
        std::vector<happening> walk;
        std::string wrong;
        for (int i = 0; i < 200 && wrong.empty(); ++i) {
            walk.push_back(pick(w, random));
            wrong = w.happen(walk.back());
            readies += w.machine().state() == service_state::ready ? 1U : 0U;
        }
        if (wrong.empty()) {
            wrong = comes_to_rest(w);
        }
        if (wrong.empty()) {
            continue;
        }
        std::vector<happening> prefix = shortest(walk, tested, gated);
        if (worst.empty() || prefix.size() < worst.size()) {
            worst = std::move(prefix);
            worst_rule = wrong + " (seed " + std::to_string(seed) + ")";
        }
    }
    EXPECT_EQ(worst_rule, "") << "shortest failing walk:" << told(worst);
    RecordProperty("steps", std::to_string(walks * 200));
    EXPECT_GT(readies, walks / 4) << "the walks hardly get anywhere";
}

}  // namespace
}  // namespace corral::supervisor
