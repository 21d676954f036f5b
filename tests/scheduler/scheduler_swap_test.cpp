// The rule of swaps, by the order in which things happen: the scheduler over backends that take their time.

#include <gtest/gtest.h>

#include "scheduler/box_simulation.hpp"

namespace corral::scheduler {
namespace {

using core::milliseconds;
using core::nanoseconds;
using core::seconds;

struct ask_at {
    double second;
    const char* model;
};

struct swap_row {
    const char* what;
    unsigned overtakes;
    int answer;  // s; a load takes 5 s, an unloading 1 s
    std::vector<ask_at> asks;
    const char* trace;
};

// One card with room for one of a, b, c. Requests are numbered in the order in which they came.
const swap_row rows[] = {
    {"a free card is used at once", 8, 1, {{0, "a"}}, "La@0 1@5"},
    {"nobody waits for the loaded one: it goes at once",
     8,
     1,
     {{0, "a"}, {6.5, "b"}},
     "La@0 1@5 Ua@6.5 Lb@7.5 2@12.5"},
    {"its running answer ends first", 8, 1, {{0, "a"}, {5.5, "b"}}, "La@0 1@5 Ua@6 Lb@7 2@12"},
    {"a load that somebody needs is not given up", 8, 1, {{0, "a"}, {2, "b"}}, "La@0 1@5 Ua@6 Lb@7 2@12"},
    {"so many overtake, then the other has its turn, then the rest",
     2,
     1,
     {{0, "a"}, {0, "a"}, {0, "a"}, {0, "a"}, {0, "a"}, {5.5, "b"}},
     "La@0 1@5 2@6 3@7 Ua@8 Lb@9 6@14 Ub@15 La@16 4@21 5@22"},
    {"who comes during a turn takes part in it",
     2,
     1,
     {{0, "a"}, {0, "b"}, {5.5, "a"}, {5.6, "a"}, {5.7, "a"}},
     "La@0 1@5 3@6 Ua@7 Lb@8 2@13 Ub@14 La@15 4@20 5@21"},
    {"slow answers end a turn by time: after the patience of 10 s no other begins",
     8,
     6,
     {{0, "a"}, {0, "a"}, {0, "a"}, {5.5, "b"}},
     "La@0 1@5 2@11 Ua@17 Lb@18 4@23 Ub@29 La@30 3@35"},
    {"who waits longer goes first",
     8,
     1,
     {{0, "a"}, {1, "c"}, {2, "b"}},
     "La@0 1@5 Ua@6 Lc@7 2@12 Uc@13 Lb@14 3@19"},
    {"after its turn a model waits behind those it kept waiting",
     1,
     1,
     {{0, "a"}, {0, "a"}, {0, "a"}, {1, "b"}, {2, "b"}, {3, "c"}},
     "La@0 1@5 Ua@6 Lb@7 4@12 Ub@13 Lc@14 6@19 Uc@20 La@21 2@26 Ua@27 Lb@28 5@33 Ub@34 La@35 3@40"},
};

TEST(swap, happens_in_the_order_of_the_rule) {
    for (const swap_row& row : rows) {
        scheduler_options options;
        options.swaps.max_overtakes = row.overtakes;
        test::simulated_times times;
        times.answer = seconds{row.answer};
        test::box_simulation box(options, times);
        box.rooms[0] = 1000;
        for (const char* model : {"a", "b", "c"}) {
            box.add(model, {0}, 600);
        }
        for (const ask_at& each : row.asks) {
            box.at(std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(each.second)),
                   [&box, model = each.model] { box.ask(model); });
        }
        EXPECT_TRUE(box.run()) << row.what;
        EXPECT_EQ(box.trace, row.trace) << row.what;
        EXPECT_TRUE(box.wrong.empty()) << row.what << ": " << box.wrong.front();
    }
}

// A restart under load: two requests come before the card has told what it has.
TEST(swap, nothing_is_loaded_before_the_cards_were_looked_at) {
    bool unseen = true;
    scheduler_options options;
    options.unseen = [&unseen] { return unseen; };
    test::box_simulation box(options);
    box.add("a", {0}, 600);
    box.add("b", {0}, 600);
    box.ask("a");
    box.ask("b");
    EXPECT_FALSE(box.run(seconds{1}));
    EXPECT_EQ(box.trace, "");
    unseen = false;
    box.rooms = {{0, 1000}};
    box.admission->look();
    EXPECT_TRUE(box.run());
    EXPECT_EQ(box.trace, "La@1 1@6 Ua@7 Lb@8 2@13");
    EXPECT_TRUE(box.wrong.empty());
}

// After a reload: the scheduler knows them no more, and they may still end an answer.
TEST(swap, waits_for_what_was_removed_while_it_was_loaded) {
    std::vector<leaving_runtime> leaving;
    scheduler_options options;
    options.leaving = [&leaving] { return leaving; };
    options.max_loaded = 2;
    test::box_simulation box(options);
    box.rooms = {{0, 1000}};
    box.add("a", {0}, 600);
    box.add("b", {1}, 600);
    leaving = {{"old", 0, {{0}, 600, true}}, {"spare", 1, {}}};
    box.ask("b");
    EXPECT_TRUE(box.run()) << "there is a place on the other card; a fallback without a card takes none";
    EXPECT_EQ(std::exchange(box.trace, {}), "Lb@0 1@5");
    box.ask("a");
    EXPECT_FALSE(box.run(seconds{10}));
    EXPECT_EQ(box.trace, "") << "nobody has to go for it beside the one that goes";
    EXPECT_EQ(box.admission->queue_of("a").why,
              "waits for a place among the 2 that may be loaded at once, which old is leaving");
    leaving.clear();
    box.admission->look();
    EXPECT_TRUE(box.run());
    EXPECT_EQ(box.trace, "La@16 2@21");
}

TEST(swap, waits_for_the_memory_of_what_was_removed) {
    std::vector<leaving_runtime> leaving{{"old", 0, {{0}, 600, true}}};
    scheduler_options options;
    options.leaving = [&leaving] { return leaving; };
    test::box_simulation box(options);
    box.rooms = {{0, 1000}};
    box.add("a", {0}, 600);
    box.add("small", {0}, 300);
    box.ask("small");
    EXPECT_TRUE(box.run()) << "there is room for it";
    box.ask("a");
    EXPECT_FALSE(box.run(seconds{10}));
    EXPECT_EQ(box.admission->queue_of("a").why, "waits for room on card 0, which old is leaving");
    leaving.clear();
    box.admission->look();
    EXPECT_TRUE(box.run());
    EXPECT_TRUE(box.wrong.empty());
}

class many_models : public testing::Test {
protected:
    many_models() { box_.rooms = {{0, 1000}, {1, 1000}}; }
    static std::function<void(catalog::model_entry&)> pinned() {
        return [](catalog::model_entry& entry) { entry.pinned = true; };
    }
    static std::function<void(catalog::model_entry&)> instances(unsigned most) {
        return [most](catalog::model_entry& entry) { entry.instances = most; };
    }
    bool loaded(const char* model) const { return box_.admission->residence_of(model).loaded; }
    std::string trace() {
        std::string out = std::exchange(box_.trace, {});
        EXPECT_TRUE(box_.wrong.empty()) << box_.wrong.front();
        return out;
    }

    test::box_simulation box_{scheduler_options{}};
};

TEST_F(many_models, who_waits_for_room_is_told_why_and_how_long_and_is_not_neglected) {
    box_.add("a", {0}, 600);
    box_.add("b", {0}, 600);
    box_.ask("a");
    box_.ask("a");
    box_.run(seconds{5});
    box_.ask("b");
    EXPECT_EQ(box_.admission->queue_of("b").why,
              "waits for room on card 0, which a holds until its turn is over");
    EXPECT_EQ(box_.admission->snapshot().neglected, 0U);
    box_.run(seconds{1});
    EXPECT_EQ(box_.admission->queue_of("b").why,
              "waits for room on card 0, which a holds until its running answer ends");
    EXPECT_EQ(box_.admission->snapshot().overtaken, 1U);
    EXPECT_EQ(box_.admission->snapshot().neglected, 0U);
    box_.run(seconds{1});
    EXPECT_EQ(box_.admission->queue_of("b").why, "waits for room on card 0, which a is leaving");
    EXPECT_FALSE(loaded("b"));
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(box_.admission->queue_of("b").why, "");
    EXPECT_EQ(box_.admission->snapshot().swaps, 1U);
    EXPECT_EQ(box_.admission->snapshot().evictions, 1U);
    EXPECT_FALSE(loaded("a"));
    box_.ask("b");
    box_.run(milliseconds{500});
    EXPECT_EQ(trace(), "La@0 1@5 2@6 Ua@7 Lb@8 3@13 4@14");
}

TEST_F(many_models, a_request_is_told_of_the_swap_before_its_load) {
    box_.add("a", {0}, 600);
    box_.add("b", {0}, 600);
    box_.ask("a");
    box_.run();
    box_.ask("b");
    box_.run();
    box_.ask("b");
    box_.ask("b");
    auto to = std::make_shared<test::asker>();
    std::optional<queue_place> told;
    admission_request who;
    who.model = "a";
    who.on_queued = [&told](const queue_place& place) { told = place; };
    boost::asio::co_spawn(box_.io, test::ask(box_.admission.get(), std::move(who), to),
                          [](std::exception_ptr) {});
    test::settle(box_.io);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->ahead, 0U);
    // The answer of b that runs, the one that waits, and a's load.
    EXPECT_EQ(told->estimate, seconds{1 + 1 + 5});
    to->held.reset();
    box_.admission->refuse_new();
    test::settle(box_.io);
}

TEST_F(many_models, a_pinned_model_stays_whatever_is_asked_and_others_are_refused) {
    box_.add("a", {0}, 600, pinned());
    box_.add("b", {0}, 600);
    box_.ask("a");
    EXPECT_TRUE(box_.run());
    EXPECT_FALSE(box_.admission->unload("a"));
    box_.admission->load("a", seconds{1});
    const residence stays = box_.admission->residence_of("a");
    EXPECT_TRUE(stays.pinned);
    EXPECT_EQ(stays.expires, std::nullopt);
    EXPECT_EQ(stays.stay, nanoseconds::max());
    const std::size_t refused = box_.ask("b");
    ASSERT_TRUE(box_.requests[refused - 1].who->refused);
    EXPECT_EQ(box_.requests[refused - 1].who->refused->kind, chat::failure_kind::unavailable);
    EXPECT_EQ(name_of(*box_.requests[refused - 1].who->refused), "no-room");
    EXPECT_EQ(
        box_.requests[refused - 1].who->refused->message,
        "b can't be loaded: card 0 has 1000 MB for models, of which the pinned a holds 600 MB; it needs "
        "600 MB. Give it another card ('cards'), or make room there");
    {
        const model_hold hold = box_.admission->hold("b");
        EXPECT_TRUE(box_.admission->queue_of("b").impossible);
    }
    // An operator's word goes before the pin.
    box_.admission->suspend("a", false);
    EXPECT_EQ(trace(), "La@0 1@5");
    box_.ask("b");
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(std::exchange(box_.trace, {}), "Ua@6 Lb@7 3@12");
}

TEST_F(many_models, on_two_cards_both_stay_loaded) {
    box_.add("a", {0}, 600);
    box_.add("b", {1}, 600);
    box_.ask("a");
    box_.ask("b");
    box_.ask("a");
    box_.ask("b");
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(trace(), "La@0 Lb@0 1@5 2@5 3@6 4@6");
    EXPECT_EQ(box_.admission->snapshot().evictions, 0U);
}

TEST_F(many_models, a_second_instance_serves_beside_the_first_and_goes_first) {
    test::fake_backend& first = box_.add("a", {0}, 600, instances(2));
    test::fake_backend& second = box_.add("a", {1}, 600, instances(2));
    box_.add("b", {1}, 600);
    for (int i = 0; i < 8; ++i) {
        box_.ask("a");
    }
    box_.run(seconds{12});
    // The first serves alone until the second is there.
    EXPECT_EQ(trace(), "La@0 La@5 1@5 2@6 3@7 4@8 5@9 6@10 7@10 8@11");
    const std::vector<instance_state> all = box_.admission->instances_of("a");
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].backend, &first);
    EXPECT_TRUE(all[0].loaded && all[1].loaded);
    EXPECT_EQ(all[1].claim.cards, std::vector<unsigned>{1});
    EXPECT_EQ(box_.admission->runtimes_of("a"), (std::vector<engine::backend*>{&first, &second}));
    box_.ask("b");
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(trace(), "Ua@12 Lb@13 9@18");
    EXPECT_EQ(first.stops, 0);
}

TEST_F(many_models, no_more_instances_than_the_model_may_have) {
    box_.add("a", {0}, 600);
    box_.add("a", {1}, 600);
    for (int i = 0; i < 3; ++i) {
        box_.ask("a");
    }
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(trace(), "La@0 1@5 2@6 3@7");
}

TEST_F(many_models, the_ready_instance_that_has_been_idle_for_longest_serves) {
    test::fake_backend& first = box_.add("a", {0}, 600, instances(2));
    test::fake_backend& second = box_.add("a", {1}, 600, instances(2));
    box_.ask("a");
    box_.ask("a");
    EXPECT_TRUE(box_.run());
    box_.run(seconds{20});
    std::vector<engine::backend*> served;
    for (int i = 0; i < 4; ++i) {
        const std::size_t number = box_.ask("a");
        served.push_back(&**box_.requests[number - 1].who->held);
        EXPECT_TRUE(box_.run());
    }
    EXPECT_EQ(served[0], served[2]);
    EXPECT_EQ(served[1], served[3]);
    EXPECT_NE(served[0], served[1]);
    EXPECT_EQ(first.starts + second.starts, 2);
}

TEST_F(many_models, preload_takes_what_fits_pinned_ones_first) {
    box_.add("a", {0}, 600);
    box_.add("b", {0}, 600, pinned());
    box_.add("c", {0}, 400, [](catalog::model_entry& entry) { entry.preload = false; });
    box_.add("d", {1}, 400, instances(2));
    box_.add("d", {1}, 400, instances(2));
    box_.admission->preload();
    box_.run(seconds{20});
    EXPECT_EQ(trace(), "Lb@0 Ld@0 Ld@5");
    EXPECT_EQ(box_.admission->snapshot().swaps, 0U);
    EXPECT_FALSE(loaded("a"));
}

TEST_F(many_models, preload_knows_what_runs_already) {
    test::fake_backend adopted(box_.io, "a");
    adopted.takes = {{0}, 600, true};
    adopted.entry.preload = false;
    box_.admission->add(adopted);
    test::fake_backend& other = box_.add("b", {0}, 600);
    box_.admission->preload();
    box_.run(seconds{1});
    EXPECT_EQ(adopted.starts + adopted.stops + other.starts, 0);
    EXPECT_TRUE(loaded("a"));
    box_.admission->remove("a");
    test::settle(box_.io);
    box_.admission->preload("b");
    EXPECT_EQ(other.starts, 1);
}

TEST_F(many_models, each_model_has_a_keep_alive_of_its_own) {
    box_.add("a", {0}, 600, [](catalog::model_entry& entry) { entry.keep_alive = seconds{30}; });
    box_.add("b", {1}, 600, [](catalog::model_entry& entry) { entry.keep_alive = seconds{-1}; });
    scheduler_options options;
    options.keep_alive = seconds{300};
    box_.admission->adjust(options);
    EXPECT_EQ(box_.admission->residence_of("a").stay, seconds{30});
    EXPECT_EQ(box_.admission->residence_of("b").stay, nanoseconds::max());
}

TEST_F(many_models, who_gives_up_waiting_stops_the_swap) {
    box_.add("a", {0}, 600);
    box_.add("b", {0}, 600);
    box_.ask("a");
    box_.ask("a");
    box_.run(seconds{5});
    const std::size_t other = box_.ask("b");
    box_.cancel(other);
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(trace(), "La@0 1@5 2@6");
    EXPECT_EQ(box_.admission->queue_of("b").why, "");
}

TEST_F(many_models, as_many_process_sets_as_allowed_where_no_room_is_known) {
    box_.rooms.clear();
    box_.add("a", {0}, 600);
    box_.add("b", {0}, 600);
    box_.ask("a");
    EXPECT_TRUE(box_.run());
    box_.ask("b");
    EXPECT_TRUE(box_.run());
    EXPECT_TRUE(loaded("a") && loaded("b"));
    scheduler_options options;
    options.max_loaded = 1;
    box_.admission->adjust(options);
    EXPECT_TRUE(loaded("a") && loaded("b"));  // nobody is unloaded for a number alone
    box_.add("c", {0}, 600);
    box_.ask("c");
    EXPECT_TRUE(box_.run());
    EXPECT_FALSE(loaded("a") || loaded("b"));
    trace();
}

TEST_F(many_models, the_outlook_says_whose_load_would_need_room) {
    box_.add("a", {0}, 600);
    box_.add("b", {0}, 600);
    const auto needs = [this](const char* name) { return box_.admission->outlook_of(name).needs_room; };
    EXPECT_FALSE(needs("a") || needs("b"));
    box_.ask("a");
    EXPECT_TRUE(box_.run());
    EXPECT_FALSE(needs("a"));
    EXPECT_TRUE(needs("b"));
    EXPECT_FALSE(needs("nobody"));
    box_.ask("b");
    EXPECT_TRUE(box_.run());
    EXPECT_TRUE(needs("a"));
    EXPECT_FALSE(needs("b"));
    const outlook of = box_.admission->outlook_of("a");
    EXPECT_EQ(of.waiting + of.running, 0U);
    EXPECT_EQ(of.estimate, seconds{5});  // what its load takes
    trace();
}

TEST_F(many_models, a_need_that_is_measured_later_counts_from_then_on) {
    test::fake_backend& a = box_.add("a", {0}, 0);
    test::fake_backend& b = box_.add("b", {0}, 600);
    a.takes = {{0}, 0, false};
    box_.ask("a");
    EXPECT_TRUE(box_.run());
    // Measured while it ran.
    a.takes = {{0}, 300, true};
    box_.ask("b");
    EXPECT_TRUE(box_.run());
    EXPECT_TRUE(loaded("a") && loaded("b"));
    EXPECT_EQ(b.starts, 1);
    trace();
}

TEST_F(many_models, a_hold_loads_in_its_turn_and_is_no_obstacle_for_ever) {
    box_.add("a", {0}, 600);
    box_.add("b", {0}, 600);
    model_hold hold = box_.admission->hold("a");
    box_.run(seconds{1});
    EXPECT_TRUE(loaded("a"));
    box_.ask("b");
    EXPECT_TRUE(box_.run());
    // Ready at 5 s, and 10 s more for who holds it.
    EXPECT_EQ(trace(), "La@0 Ua@15 Lb@16 1@21 Ub@22 La@23");
    hold.reset();
}

TEST_F(many_models, kept_instances_go_on_serving_over_a_replacement) {
    test::fake_backend& first = box_.add("a", {0}, 600, instances(2));
    test::fake_backend more(box_.io, "a");
    more.entry.instances = 2;
    more.takes = {{1}, 600, true};
    more.set(engine::availability_state::stopped);
    box_.ask("a");
    box_.ask("a");
    box_.run(seconds{5});
    box_.admission->replace({&first, &more});
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(trace(), "La@0 1@5 2@6");
    EXPECT_EQ(more.starts, 0);
    box_.admission->admit("a");
    box_.ask("a");
    box_.ask("a");
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(more.starts, 1);
    EXPECT_EQ(first.stops, 0);
    box_.admission->replace({&first});
    box_.admission->admit("a");
    box_.ask("a");
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(more.stops, 0);  // its new owner's to stop
    box_.admission->remove("a");
    EXPECT_EQ(box_.admission->runtimes_of("a").size(), 0U);
    test::settle(box_.io);
}

TEST_F(many_models, one_broken_instance_does_not_refuse_and_two_do) {
    test::fake_backend& first = box_.add("a", {0}, 600);
    test::fake_backend& second = box_.add("a", {1}, 600);
    box_.ask("a");
    EXPECT_TRUE(box_.run());
    first.set(engine::availability_state::broken, "card 0 is gone");
    const std::size_t other = box_.ask("a");
    EXPECT_FALSE(box_.requests[other - 1].who->refused);
    EXPECT_TRUE(box_.run());
    EXPECT_EQ(second.starts, 1);
    second.set(engine::availability_state::broken, "card 1 is gone");
    const std::size_t last = box_.ask("a");
    ASSERT_TRUE(box_.requests[last - 1].who->refused);
    EXPECT_EQ(box_.requests[last - 1].who->refused->message, "card 0 is gone");
    trace();
}

}  // namespace
}  // namespace corral::scheduler
