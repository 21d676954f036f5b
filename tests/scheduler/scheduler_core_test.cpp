// Events in, effects out: a story a row.

#include "scheduler/scheduler_core.hpp"

#include <sstream>

#include <gtest/gtest.h>

#include "scheduler/core_box.hpp"

namespace corral::scheduler {
namespace {

using engine::availability_state;

// "ask 1 a": what happens; the numbers of requests, instances, holds and seconds.
std::string happen(test::core_box& box, const std::string& words) {
    std::istringstream in(words);
    std::string what;
    std::string first;
    std::string model;
    in >> what >> first >> model;
    const auto number = [&first] { return std::stoull(first); };
    if (what == "ask") return box.ask(number(), model);
    if (what == "cancel") return box.cancel(number());
    if (what == "release") return box.release(number());
    if (what == "ready") return box.become(number(), availability_state::ready);
    if (what == "loading") return box.become(number(), availability_state::loading);
    if (what == "broken") return box.become(number(), availability_state::broken);
    if (what == "stopped") return box.end_stop(number());
    if (what == "pass") return box.pass(core::seconds{number()});
    if (what == "hold") return box.happen(event::held{model, hold_id{number()}});
    if (what == "let_go") return box.happen(event::let_go{hold_id{number()}});
    if (what == "load") return box.happen(event::load{first, std::nullopt});
    if (what == "unload") return box.happen(event::unload{first});
    if (what == "preload") return box.happen(event::preload{first});
    if (what == "suspend") return box.happen(event::suspended{first, false});
    if (what == "resume") return box.happen(event::resumed{first});
    if (what == "replace") return box.add("a", number(), {0}, 600, 0, 1, 1, true), std::string();
    if (what == "admit") return box.happen(event::admitted{first});
    if (what == "remove") return box.remove(first);
    if (what == "close") return box.happen(event::closed{});
    ADD_FAILURE() << words;
    return {};
}

struct step {
    const char* what;
    const char* effects;
};
struct row {
    const char* name;
    std::vector<step> steps;
};

// Instance 1 is a's and 2 is b's, and card 0 has memory for one of them; c has 3 for two at once on card 1,
// and 4 as its fallback, which needs no card.
const row rows[] = {
    {"a request loads its model, is granted when it is ready, and hands on its lease",
     {{"ask 1 a", "load 1"},
      {"ask 2 a", ""},
      {"ready 1", "grant 1 on 1"},
      {"release 1", "grant 2 on 1"},
      {"release 2", ""}}},
    {"an unknown model is refused", {{"ask 1 x", "refuse 1"}}},
    {"one that gives up leaves the queue",
     {{"ask 1 a", "load 1"}, {"cancel 1", ""}, {"ready 1", ""}, {"ask 2 a", "grant 2 on 1"}}},
    {"a broken model refuses, until its supervisor has brought it back",
     {{"ask 1 a", "load 1"},
      {"broken 1", "refuse 1"},
      {"ask 2 a", "refuse 2"},
      {"ready 1", ""},
      {"ask 3 a", "grant 3 on 1"}}},
    {"a person's load tries a broken one again",
     {{"ask 1 a", "load 1"}, {"broken 1", "refuse 1"}, {"load a", "load 1"}}},
    {"an idle model makes room, and the other is loaded when it has gone",
     {{"ask 1 a", "load 1"},
      {"ready 1", "grant 1 on 1"},
      {"release 1", ""},
      {"ask 2 b", "unload 1"},
      {"pass 1", ""},
      {"stopped 1", "load 2"},
      {"ready 2", "grant 2 on 2"}}},
    {"a running answer ends first, and one that waits is overtaken no longer than the time slice",
     {{"ask 1 a", "load 1"},
      {"ready 1", "grant 1 on 1"},
      {"ask 2 b", ""},
      {"ask 3 a", ""},
      {"release 1", "grant 3 on 1"},
      {"ask 4 a", ""},
      {"pass 20", ""},
      {"release 3", "unload 1"},
      {"stopped 1", "load 2"},
      {"ready 2", "grant 2 on 2"},
      {"release 2", "unload 2"},
      {"stopped 2", "load 1"},
      {"ready 1", "grant 4 on 1"}}},
    {"two at once, and no third",
     {{"ask 1 c", "load 3; load 4"},
      {"ready 3", "grant 1 on 3"},
      {"ask 2 c", "grant 2 on 3"},
      {"ready 4", ""},
      {"ask 3 c", ""},
      {"release 1", "grant 3 on 3"}}},
    {"a fallback serves while the first is out of order, and until it is trusted again",
     {{"ask 1 c", "load 3; load 4"},
      {"ready 4", "grant 1 on 4"},
      {"ready 3", ""},
      {"broken 3", ""},
      {"release 1", ""},
      {"ask 2 c", "grant 2 on 4"},
      {"ready 3", ""},
      {"release 2", ""},
      {"ask 3 c", "grant 3 on 4"},
      {"pass 5", ""},
      {"ask 4 c", "grant 4 on 3"}}},
    {"a suspended model serves nobody and goes after its running answer",
     {{"ask 1 a", "load 1"},
      {"ready 1", "grant 1 on 1"},
      {"ask 2 a", ""},
      {"suspend a", "refuse 2"},
      {"ask 3 a", "refuse 3"},
      {"hold 7 a", ""},
      {"release 1", ""},
      {"let_go 7", "unload 1"},
      {"stopped 1", ""},
      {"load a", ""},
      {"resume a", "load 1"}}},
    {"a hold keeps it, and an unload waits for the hold",
     {{"hold 7 a", "load 1"},
      {"ready 1", ""},
      {"unload a", ""},
      {"let_go 7", "unload 1"},
      {"stopped 1", ""}}},
    {"who waits for a replaced model gets the successor, once it is admitted",
     {{"ask 1 a", "load 1"},
      {"ready 1", "grant 1 on 1"},
      {"ask 2 a", ""},
      {"replace 9", ""},
      {"release 1", ""},
      {"admit a", "load 9"},
      {"ready 9", "grant 2 on 9"}}},
    {"who held a replaced model held its old one",
     {{"hold 7 a", "load 1"},
      {"ready 1", ""},
      {"replace 9", ""},
      {"admit a", ""},
      {"load a", "load 9"},
      {"ready 9", ""},
      {"unload a", "unload 9"},
      {"let_go 7", ""}}},
    {"of several models the one that is meant is preloaded, and a suspended one is not",
     {{"suspend a", ""}, {"preload a", ""}, {"preload b", "load 2"}}},
    {"a removed model refuses those who wait, and its memory is another's",
     {{"ask 1 a", "load 1"}, {"ask 2 b", ""}, {"remove a", "refuse 1; load 2"}, {"ask 3 a", "refuse 3"}}},
    {"of several models the one that is meant is removed",
     {{"remove b", ""}, {"ask 1 a", "load 1"}, {"ready 1", "grant 1 on 1"}, {"ask 2 b", "refuse 2"}}},
    {"a preload takes nobody's place",
     {{"preload a", "load 1"}, {"ready 1", ""}, {"preload b", ""}, {"ask 1 a", "grant 1 on 1"}}},
    {"closed: all are refused, and nothing is loaded or unloaded any more",
     {{"ask 1 a", "load 1"},
      {"ready 1", "grant 1 on 1"},
      {"ask 2 a", ""},
      {"close", "refuse 2"},
      {"release 1", ""},
      {"ask 3 b", "refuse 3"},
      {"unload a", ""},
      {"load b", ""},
      {"pass 1000", ""}}},
};

TEST(scheduler_core, turns_events_into_effects) {
    for (const row& each : rows) {
        test::core_box box(scheduler_options{});
        box.add("a", 1, {0}, 600);
        box.add("b", 2, {0}, 600);
        box.add("c", 3, {1}, 600, 0, 2);
        box.add("c", 4, {}, 0, 1);
        for (const step& one : each.steps) {
            ASSERT_EQ(happen(box, one.what), one.effects) << each.name << ": " << one.what;
            ASSERT_TRUE(box.wrong.empty()) << each.name << ": " << box.wrong.front();
        }
    }
}

TEST(scheduler_core, whoever_withdraws_gets_nothing_though_a_backend_has_just_become_ready) {
    test::core_box box(scheduler_options{});
    box.add("a", 1, {0}, 600);
    box.ask(1, "a");
    box.machines.at(1).now.state = availability_state::ready;
    EXPECT_EQ(box.cancel(1), "");
    EXPECT_TRUE(box.wrong.empty());
    EXPECT_EQ(box.core.queue().running(), 0U);
    EXPECT_EQ(box.ask(2, "a"), "grant 2 on 1");
}

TEST(scheduler_core, a_shorter_stay_counts_for_a_model_that_is_loaded) {
    test::core_box box(scheduler_options{});
    box.add("a", 1, {0}, 600);
    box.ask(1, "a");
    box.become(1, availability_state::ready);
    EXPECT_EQ(box.release(1), "");
    event::added again;
    again.model = "a";
    again.instead = true;
    again.settings.keep_alive = core::seconds{5};
    again.instances.emplace_back(instance_facts{instance_id{1}}, box.machines.at(1).now);
    EXPECT_EQ(box.happen(again), "");
    EXPECT_EQ(box.pass(core::seconds{4}), "");
    EXPECT_EQ(box.pass(core::seconds{2}), "unload 1");
    EXPECT_TRUE(box.wrong.empty()) << box.wrong.front();
}

TEST(scheduler_core, knows_when_it_is_to_look_again) {
    scheduler_options options;
    options.keep_alive = core::seconds{30};
    test::core_box box(options);
    box.add("a", 1, {0}, 600);
    box.add("b", 2, {0}, 600);
    EXPECT_EQ(box.core.next_look(), next_look{});
    box.ask(1, "a");
    box.become(1, availability_state::ready);
    box.ask(2, "b");
    EXPECT_TRUE(box.core.next_look().blocked);
    box.ask(3, "a");
    // The time slice of a, counted from when b came.
    EXPECT_EQ(box.core.next_look().change, box.now + core::seconds{10});
    box.cancel(2);
    box.cancel(3);
    box.release(1);
    EXPECT_EQ(box.core.next_look().expiry, box.now + core::seconds{30});
    EXPECT_FALSE(box.core.next_look().blocked);
    EXPECT_EQ(box.pass(core::seconds{30}), "unload 1");
}

}  // namespace
}  // namespace corral::scheduler
