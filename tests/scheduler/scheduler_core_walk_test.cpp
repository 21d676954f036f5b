// Seeded walks through the whole core. CORRAL_WALK_SEEDS makes them longer: each seed is 500 steps.

#include <cstdlib>

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"
#include "scheduler/core_box.hpp"

namespace corral::scheduler {
namespace {

using engine::availability_state;

constexpr int steps = 500;
constexpr std::size_t max_queue = 6;

std::uint64_t seeds() {
    const char* const said = std::getenv("CORRAL_WALK_SEEDS");
    return said == nullptr ? 10 : std::strtoull(said, nullptr, 10);
}

scheduler_options options_of(unsigned overtakes) {
    scheduler_options out;
    out.max_queue = max_queue;
    out.keep_alive = core::seconds{20};
    out.swaps.max_overtakes = overtakes;
    return out;
}

class core_walk {
public:
    // Calm: nothing fails, no person interferes, and three models have one card for one of them.
    core_walk(std::uint64_t seed, bool calm) : random_(seed), calm_(calm), box_(options_of(overtakes)) {
        if (calm) {
            box_.add("a", 1, {0}, 600);
            box_.add("b", 2, {0}, 700);
            box_.add("c", 3, {0}, 800);
            return;
        }
        box_.add("a", 1, {0}, 600, 0, 1, 2);
        box_.add("a", 2, {1}, 600, 0, 1, 2);
        box_.add("b", 3, {0}, 500, 0, 3);
        box_.add("c", 4, {1}, 700);
        box_.add("c", 5, {}, 0, 1);
        box_.add("d", 6, {0, 1}, 1800);
    }
    void step() {
        switch (below(calm_ ? 9 : 16)) {
            case 0:
            case 1:
            case 2:
                return ask();
            case 3:
            case 4:
                return release();
            case 5:
                return cancel();
            case 6:
            case 7:
                return box_.advance(any_machine());
            case 8:
                box_.pass(core::milliseconds{below(4000)});
                return;
            case 9:
                return fail();
            case 10:
                box_.happen(event::unload{model()});
                return;
            case 11:
                box_.happen(event::load{model(), core::seconds{below(30)}});
                return;
            case 12:
                return suspend();
            case 13:
                box_.happen(event::preload{});
                return;
            default:
                return hold();
        }
    }
    std::string wrong() {
        for (const auto& [id, each] : box_.requests) {
            const std::size_t bound = (each.passed_by_own + 1) * 2 * (overtakes + 1);
            if (calm_ && !each.told && each.passed_by_others > bound) {
                return fmt::format("request {} was overtaken {} times", id, each.passed_by_others);
            }
        }
        return box_.broken_promise();
    }
    std::string drain() {
        const std::string left = box_.drain(std::exchange(holds_, {}));
        return left.empty() ? wrong() : left;
    }

private:
    static constexpr unsigned overtakes = 3;

    std::uint64_t below(std::uint64_t most) { return random_.next() % most; }
    std::string model() { return std::string(1, static_cast<char>('a' + below(calm_ ? 3 : 4))); }
    void ask() {
        const std::uint64_t id = ++last_;
        const bool again = below(8) == 0;
        // Those that are over are not asked after any more.
        std::erase_if(box_.requests, [](const auto& one) {
            return (one.second.told && one.second.on == 0) || one.second.gone;
        });
        box_.ask(id, model(), std::to_string(below(3)), again);
    }
    void release() {
        if (const auto all = box_.running(); !all.empty()) {
            box_.release(all[below(all.size())]);
        }
    }
    void cancel() {
        if (const auto all = box_.waiting(); !all.empty()) {
            box_.cancel(all[below(all.size())]);
        }
    }
    std::uint64_t any_machine() { return 1 + below(box_.machines.size()); }
    void fail() {
        const std::uint64_t id = any_machine();
        const test::core_box::machine& of = box_.machines.at(id);
        if (!of.stopping && of.now.state != availability_state::stopped) {
            box_.become(id, below(3) == 0 ? availability_state::broken : availability_state::loading);
        }
    }
    void suspend() {
        const std::string which = model();
        if (box_.core.queue().suspended(which)) {
            box_.happen(event::resumed{which});
            return;
        }
        box_.suspending_at_once = below(4) == 0;
        box_.happen(event::suspended{which, box_.suspending_at_once});
        box_.suspending_at_once = false;
    }
    void hold() {
        if (holds_.size() < 3 && below(2) == 0) {
            holds_.push_back(++last_);
            box_.happen(event::held{model(), hold_id{last_}});
        } else if (!holds_.empty()) {
            box_.happen(event::let_go{hold_id{holds_.back()}});
            holds_.pop_back();
        }
    }

    core::seeded_random random_;
    bool calm_;
    test::core_box box_;
    std::uint64_t last_ = 0;
    std::vector<std::uint64_t> holds_;
};

void walk(bool calm) {
    for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        core_walk each(seed, calm);
        for (int i = 0; i < steps; ++i) {
            each.step();
            ASSERT_EQ(each.wrong(), "") << "seed " << seed << ", step " << i;
        }
        ASSERT_EQ(each.drain(), "") << "seed " << seed << ", at the end";
    }
}

TEST(scheduler_core_walk, keeps_its_promises_whatever_comes) {
    walk(false);
}

TEST(scheduler_core_walk, overtakes_nobody_beyond_the_bound_while_nothing_fails) {
    walk(true);
}

}  // namespace
}  // namespace corral::scheduler
