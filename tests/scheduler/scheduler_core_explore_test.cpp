// Every order of a few events of the whole core.

#include <cstdint>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core_box.hpp"
#include "explorer.hpp"

namespace corral::scheduler {
namespace {

using engine::availability_state;

scheduler_options options_of_exploration() {
    scheduler_options out;
    out.max_queue = 2;
    out.keep_alive = core::seconds{20};
    out.swaps.max_overtakes = 1;
    return out;
}

class explored_core {
public:
    enum class move {
        ask,
        ask_again,
        ask_other,
        release,
        cancel,
        advance,
        fail,
        die,
        pass,
        unload,
        load,
        suspend,
        cut,
        resume,
        hold,
        let_go
    };
    struct step {
        move what = move::ask;
        std::uint64_t id = 0;  // of a request, an instance, a hold, or milliseconds
        std::string model = {};
    };
    static constexpr bool merges = false;  // the core shows too little of itself

    // Three models have one card for one of them; or one has two instances and a fallback, and another one of
    // its cards.
    explicit explored_core(bool swaps) : box_(options_of_exploration()) {
        if (swaps) {
            models_ = {"a", "b", "c"};
            box_.add("a", 1, {0}, 600);
            box_.add("b", 2, {0}, 700);
            box_.add("c", 3, {0}, 800);
            return;
        }
        models_ = {"a", "b"};
        box_.add("a", 1, {0}, 600, 0, 1, 2);
        box_.add("a", 2, {1}, 600, 0, 2, 2);
        box_.add("a", 4, {}, 0, 1);
        box_.add("b", 3, {1}, 700);
    }

    [[nodiscard]] std::vector<step> possible() const {
        std::vector<step> all;
        const std::vector<std::uint64_t> waiting = box_.waiting();
        for (const std::string& each : models_) {
            all.push_back({move::ask, 0, each});
            all.push_back({move::unload, 0, each});
            all.push_back({move::load, 0, each});
            if (box_.core.queue().suspended(each)) {
                all.push_back({move::resume, 0, each});
            } else {
                all.push_back({move::suspend, 0, each});
                all.push_back({move::cut, 0, each});
            }
            if (holds_.empty()) {
                all.push_back({move::hold, 0, each});
            }
        }
        all.push_back({move::ask_again, 0, "a"});
        all.push_back({move::ask_other, 0, "a"});
        for (const std::uint64_t each : box_.running()) {
            all.push_back({move::release, each});
        }
        for (const std::uint64_t each : waiting) {
            all.push_back({move::cancel, each});
        }
        for (const auto& [id, each] : box_.machines) {
            const bool up = !each.stopping && each.now.state != availability_state::stopped;
            if (each.stopping || each.now.state == availability_state::loading) {
                all.push_back({move::advance, id});
            }
            if (up && each.now.state != availability_state::broken) {
                all.push_back({move::fail, id});
            }
            if (up && each.now.state != availability_state::loading) {
                all.push_back({move::die, id});
            }
        }
        for (const std::uint64_t each : holds_) {
            all.push_back({move::let_go, each});
        }
        all.push_back({move::pass, 6'000});   // a fallback may go back to the first
        all.push_back({move::pass, 25'000});  // all stays and slices are over
        return all;
    }
    std::string happen(const step& what) {
        others_wanted_ = others_wanted_ || what.what == move::load || what.what == move::hold;
        perform(what);
        const std::string wrong = box_.broken_promise();
        return wrong.empty() ? unserved() : wrong;
    }
    [[nodiscard]] std::string comes_to_rest() const {
        test::core_box box = box_;
        return box.drain(holds_);
    }
    [[nodiscard]] static std::string seen() { return {}; }
    static std::string told(const step& what) {
        static const std::vector<std::string> names{
            "ask",  "ask again", "ask by another", "release", "cancel", "advance", "fail", "die",
            "pass", "unload",    "load",           "suspend", "cut",    "resume",  "hold", "let go"};
        return names.at(static_cast<std::size_t>(what.what)) + ' ' + what.model + std::to_string(what.id);
    }

private:
    void perform(const step& what) {
        switch (what.what) {
            case move::ask:
            case move::ask_again:
            case move::ask_other:
                box_.ask(++last_, what.model, what.what == move::ask_other ? "y" : "x",
                         what.what == move::ask_again);
                return;
            case move::release:
                box_.release(what.id);
                return;
            case move::cancel:
                box_.cancel(what.id);
                return;
            case move::advance:
                box_.advance(what.id);
                return;
            case move::fail:
                box_.become(what.id, availability_state::broken);
                return;
            case move::die:
                box_.become(what.id, availability_state::loading);
                return;
            case move::pass:
                box_.pass(core::milliseconds{what.id});
                return;
            default:
                return perform_by_person(what);
        }
    }
    void perform_by_person(const step& what) {
        switch (what.what) {
            case move::unload:
                box_.happen(event::unload{what.model});
                return;
            case move::load:
                box_.happen(event::load{what.model, core::seconds{5}});
                return;
            case move::suspend:
            case move::cut:
                box_.suspending_at_once = what.what == move::cut;
                box_.happen(event::suspended{what.model, box_.suspending_at_once});
                box_.suspending_at_once = false;
                return;
            case move::resume:
                box_.happen(event::resumed{what.model});
                return;
            case move::hold:
                holds_.push_back(++last_);
                box_.happen(event::held{what.model, hold_id{last_}});
                return;
            default:
                holds_.clear();
                box_.happen(event::let_go{hold_id{what.id}});
                return;
        }
    }
    // Nobody waits for a ready place that is free, where no other model is wanted.
    [[nodiscard]] std::string unserved() const {
        const std::size_t waiting = box_.core.queue().waiting_for("a");
        const bool served = box_.core.queue().tier_of("a") == 0;
        if (others_wanted_ || waiting == 0 || waiting != box_.core.queue().waiting() || !served) {
            return {};
        }
        for (const auto& [id, each] : box_.machines) {
            const bool ready = each.now.state == availability_state::ready && !each.stopping;
            if (each.model == "a" && each.tier == 0 && ready && each.leases < each.capacity) {
                return "somebody waits for a place that is free";
            }
        }
        return {};
    }

    test::core_box box_;
    std::vector<std::string> models_;
    std::vector<std::uint64_t> holds_;
    std::uint64_t last_ = 0;
    bool others_wanted_ = false;  // without a request
};

TEST(scheduler_core_explore, every_order_of_a_few_events_keeps_the_promises) {
    using move = explored_core::move;
    test::explorer<explored_core> all(1);
    all.explore_along(explored_core(true), {{move::ask, 0, "a"},
                                            {move::advance, 1},
                                            {move::ask, 0, "b"},
                                            {move::ask_other, 0, "a"},
                                            {move::release, 1},
                                            {move::release, 3},
                                            {move::advance, 1},
                                            {move::advance, 2}});
    all.explore_along(explored_core(false), {{move::ask, 0, "a"},
                                             {move::advance, 1},
                                             {move::ask, 0, "a"},
                                             {move::ask_other, 0, "a"},
                                             {move::fail, 1},
                                             {move::advance, 4},
                                             {move::ask, 0, "b"}});
    all.expect_all_well("scheduler");
}

}  // namespace
}  // namespace corral::scheduler
