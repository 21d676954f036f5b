// Who is loaded, unloaded and held back, picture by picture.

#include "scheduler/placement_fixture.hpp"

namespace corral::scheduler {
namespace {

using core::seconds;

class arrangement_policy : public test::placement_fixture {
protected:
    // a is loaded on card 0, b waits for it; both need more than half of it.
    void two_models_one_card() {
        a_ = model("a:1b");
        b_ = model("b:1b");
        instance(a_, {0}, 600, presence::ready);
        instance(b_, {0}, 600);
        turn_since(a_, 90);
        wants(b_);
    }
    std::size_t a_ = 0;
    std::size_t b_ = 0;
};

TEST_F(arrangement_policy, free_room_is_used_at_once) {
    a_ = model("a:1b");
    instance(a_, {0}, 600);
    EXPECT_EQ(arranged(), "");
    wants(a_);
    EXPECT_EQ(arranged(), "start a:1b@0");
}

TEST_F(arrangement_policy, two_that_fit_beside_each_other_share_a_card) {
    two_models_one_card();
    box_.instances[1].need_mb = 400;
    EXPECT_EQ(arranged(), "start b:1b@0");
    rooms_[0] = 999;
    EXPECT_EQ(arranged(), "evict a:1b@0 for b:1b; blocked b:1b");
}

// Programs with a port compiled into them, which the guard does not reach, on cards with room for all.
TEST_F(arrangement_policy, models_of_one_compiled_in_port_take_turns) {
    a_ = model("a:1b");
    b_ = model("b:1b");
    instance(a_, {0}, 100, presence::ready).port = 8000;
    instance(b_, {1}, 100).port = 8000;
    turn_since(a_, 90);
    wants(b_);
    EXPECT_EQ(arranged(), "evict a:1b@0 for b:1b; blocked b:1b");
    EXPECT_EQ(why(), "waits for port 8000 (compiled into its program), which a:1b is leaving");
    box_.instances[0].in_use = true;
    of(a_).running = 1;
    EXPECT_EQ(arranged(), "drain a:1b@0; blocked b:1b");
    EXPECT_EQ(
        why(),
        "waits for port 8000 (compiled into its program), which a:1b holds until its running answer ends");
    box_.instances[1].port = 8001;
    EXPECT_EQ(arranged(), "start b:1b@1");
    box_.instances[1].port = 8000;
    of(a_).pinned = true;
    EXPECT_EQ(arranged(), "never b:1b");
    EXPECT_EQ(
        last_.hopeless.front().second,
        "b:1b can't be loaded: port 8000, which is compiled into its program, is held by the pinned a:1b. "
        "Unpin that model");
}

TEST_F(arrangement_policy, of_two_that_began_before_their_port_was_known_one_goes) {
    a_ = model("a:1b");
    b_ = model("b:1b");
    instance(a_, {0}, 100, presence::loading).port = 8000;
    instance(b_, {1}, 100, presence::loading).port = 8000;
    EXPECT_EQ(arranged(), "surplus b:1b@1");
    box_.instances[1].is = presence::ready;
    EXPECT_EQ(arranged(), "surplus a:1b@0");
    box_.instances[0].in_use = true;
    EXPECT_EQ(arranged(), "surplus b:1b@1");
    box_.instances[1].in_use = true;
    EXPECT_EQ(arranged(), "") << "no answer is cut";
    box_.instances[1].port = 0;
    EXPECT_EQ(arranged(), "");
}

TEST_F(arrangement_policy, the_idle_one_makes_room) {
    two_models_one_card();
    EXPECT_EQ(arranged(), "evict a:1b@0 for b:1b; blocked b:1b");
    EXPECT_EQ(why(), "waits for room on card 0, which a:1b is leaving");
    box_.instances[0].is = presence::leaving;
    EXPECT_EQ(arranged(), "blocked b:1b");
    EXPECT_EQ(why(), "waits for room on card 0, which a:1b is leaving");
    box_.instances[0].is = presence::absent;
    EXPECT_EQ(arranged(), "start b:1b@0");
}

TEST_F(arrangement_policy, what_a_reload_brings_says_what_it_waits_for) {
    a_ = model("a:1b");
    instance(a_, {0}, 600).admitted = false;
    EXPECT_EQ(arranged(), "");
    wants(a_);
    EXPECT_EQ(arranged(), "blocked a:1b");
    EXPECT_EQ(why(), "waits until what a reload replaced or removed has stopped");
    box_.instances[0].admitted = true;
    EXPECT_EQ(arranged(), "start a:1b@0");
}

TEST_F(arrangement_policy, a_running_answer_is_waited_for) {
    two_models_one_card();
    box_.instances[0].in_use = true;
    of(a_).running = 1;
    EXPECT_EQ(arranged(), "drain a:1b@0; blocked b:1b");
    EXPECT_EQ(why(), "waits for room on card 0, which a:1b holds until its running answer ends");
    of(a_).running = 2;
    EXPECT_EQ(arranged(), "drain a:1b@0; blocked b:1b");
    EXPECT_EQ(why(), "waits for room on card 0, which a:1b holds until its 2 running answers end");
}

TEST_F(arrangement_policy, who_waits_for_the_loaded_one_is_served_for_its_turn) {
    two_models_one_card();
    of(a_).needed = true;
    box_.instances[0].in_use = true;
    EXPECT_EQ(arranged(), "blocked b:1b");
    EXPECT_EQ(why(), "waits for room on card 0, which a:1b holds until its turn is over");
    EXPECT_EQ(last_.look_again, now_ + seconds{10});
    ASSERT_EQ(last_.blocked.size(), 1U);
    EXPECT_EQ(last_.blocked[0].serving, std::vector<std::size_t>{a_});
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(arranged(), "blocked b:1b") << i;
        grant(a_);
    }
    EXPECT_EQ(arranged(), "drain a:1b@0; blocked b:1b");
    box_.instances[0].in_use = false;
    EXPECT_EQ(arranged(), "evict a:1b@0 for b:1b; blocked b:1b");
}

TEST_F(arrangement_policy, a_turn_ends_with_the_patience_of_the_other) {
    two_models_one_card();
    of(a_).needed = true;
    box_.instances[0].in_use = true;
    now_ += seconds{9};
    EXPECT_EQ(arranged(), "blocked b:1b");
    now_ += seconds{1};
    EXPECT_EQ(arranged(), "drain a:1b@0; blocked b:1b");
}

TEST_F(arrangement_policy, a_job_makes_way_for_a_person_who_wants_another_model) {
    two_models_one_card();
    box_.instances[0].in_use = true;
    of(a_).running = 1;
    of(b_).people = true;
    EXPECT_EQ(arranged(), "drain a:1b@0; yield a:1b@0 to b:1b; blocked b:1b");
    of(a_).needed = true;
    EXPECT_EQ(arranged(), "drain a:1b@0; yield a:1b@0 to b:1b; blocked b:1b") << "though more jobs wait";
    of(a_).people = true;
    EXPECT_EQ(arranged(), "blocked b:1b") << "a person does too";
    of(a_).needed = of(a_).people = false;
    of(a_).pinned = true;
    EXPECT_EQ(arranged(), "never b:1b");
    of(a_).pinned = false;
    of(b_).people = false;
    EXPECT_EQ(arranged(), "drain a:1b@0; blocked b:1b") << "and no job for a job";
}

TEST_F(arrangement_policy, jobs_keep_their_model_for_one_time_slice_after_it_was_loaded) {
    two_models_one_card();
    turn_since(a_, 95);
    box_.instances[0].in_use = true;
    of(a_).running = 1;
    of(b_).people = true;
    EXPECT_EQ(arranged(), "drain a:1b@0; blocked b:1b");
    EXPECT_EQ(last_.look_again, core::steady_time{seconds{105}});
    of(a_).needed = true;
    EXPECT_EQ(arranged(), "blocked b:1b");
    EXPECT_EQ(last_.look_again, core::steady_time{seconds{105}});
    now_ = core::steady_time{seconds{105}};
    EXPECT_EQ(arranged(), "drain a:1b@0; yield a:1b@0 to b:1b; blocked b:1b");
    now_ = core::steady_time{seconds{100}};
    for (int i = 0; i < 8; ++i) {
        grant(a_);
    }
    EXPECT_EQ(arranged(), "drain a:1b@0; yield a:1b@0 to b:1b; blocked b:1b") << "or for as many answers";
}

TEST_F(arrangement_policy, one_that_loads_for_somebody_is_not_stopped_unless_it_takes_for_ever) {
    two_models_one_card();
    turns_[a_] = time_slice{};
    instance_view& loads = box_.instances[0];
    loads.is = presence::loading;
    loads.first_load = true;
    loads.load_began = now_;
    of(a_).needed = true;
    now_ += seconds{599};
    EXPECT_EQ(arranged(), "blocked b:1b");
    EXPECT_EQ(last_.look_again, now_ + seconds{1});
    now_ += seconds{1};
    EXPECT_EQ(arranged(), "evict a:1b@0 for b:1b; blocked b:1b");
    now_ -= seconds{500};
    of(a_).needed = false;
    EXPECT_EQ(arranged(), "evict a:1b@0 for b:1b; blocked b:1b");
}

TEST_F(arrangement_policy, a_pinned_model_is_never_unloaded_and_the_refusal_has_figures) {
    two_models_one_card();
    of(a_).pinned = true;
    EXPECT_EQ(arranged(), "never b:1b");
    EXPECT_EQ(
        last_.hopeless[0].second,
        "b:1b can't be loaded: card 0 has 1000 MB for models, of which the pinned a:1b holds 600 MB; it "
        "needs about 600 MB. Give it another card ('cards'), or make room there");
    // Another card will do.
    instance(b_, {1}, 600);
    EXPECT_EQ(arranged(), "start b:1b@1");
}

TEST_F(arrangement_policy, what_is_larger_than_its_card_is_refused_with_figures) {
    a_ = model("a:70b");
    instance(a_, {0}, 5000).measured = true;
    wants(a_);
    EXPECT_EQ(arranged(), "never a:70b");
    EXPECT_EQ(
        last_.hopeless[0].second,
        "a:70b can't be loaded: card 0 has 1000 MB for models, and it needs 5000 MB there. Give it another "
        "card ('cards'), or make room there");
    box_.instances[0].cards = {0, 1};
    EXPECT_EQ(arranged(), "never a:70b");
    box_.instances[0].need_mb = 2000;
    EXPECT_EQ(arranged(), "start a:70b@0");
    box_.instances[0].need_mb = 2001;
    EXPECT_EQ(arranged(), "never a:70b");
}

TEST_F(arrangement_policy, one_whose_need_is_not_known_has_a_card_for_itself_where_the_room_is_known) {
    two_models_one_card();
    box_.instances[1].need_mb = 0;
    EXPECT_EQ(arranged(), "evict a:1b@0 for b:1b; blocked b:1b");
    rooms_.clear();
    EXPECT_EQ(arranged(), "start b:1b@0");
    rooms_[0] = 1000;
    box_.instances[0].need_mb = 0;
    box_.instances[1].need_mb = 1;
    EXPECT_EQ(arranged(), "evict a:1b@0 for b:1b; blocked b:1b");
}

TEST_F(arrangement_policy, so_many_process_sets_and_no_more) {
    a_ = model("a:1b");
    b_ = model("b:1b");
    instance(a_, {}, 0, presence::ready);
    instance(b_, {}, 0);
    wants(b_);
    EXPECT_EQ(arranged(), "start b:1b");
    box_.max_loaded = 1;
    EXPECT_EQ(arranged(), "evict a:1b for b:1b; blocked b:1b");
    EXPECT_EQ(why(), "waits for a place among the 1 that may be loaded at once, which a:1b is leaving");
    of(a_).pinned = true;
    EXPECT_EQ(arranged(), "never b:1b");
    EXPECT_EQ(last_.hopeless[0].second,
              "b:1b can't be loaded: at most 1 may be loaded at once, and a:1b stays");
}

TEST_F(arrangement_policy, what_broke_takes_no_place_from_its_own_model) {
    a_ = model("a");
    b_ = model("b");
    instance(a_, {0}, 600, presence::broken);
    instance(a_, {1}, 600);
    instance(b_, {2}, 600);
    box_.max_loaded = 1;
    wants(a_);
    EXPECT_EQ(arranged(), "start a@1");
    box_.instances[1].is = presence::loading;
    EXPECT_EQ(arranged(), "") << "or the two would be tried in turn for ever";
    box_.instances[1].is = presence::absent;
    of(a_).wants.reset();
    wants(b_);
    EXPECT_EQ(arranged(), "evict a@0 for b; blocked b") << "but from others";
}

TEST_F(arrangement_policy,
       of_idle_ones_that_with_the_shortest_rest_of_life_goes_then_the_least_recently_used) {
    struct row {
        const char* what;
        long first_expires;  // s from now; 0: never
        long second_expires;
        std::uint64_t first_used;
        std::uint64_t second_used;
        const char* goes;
    };
    const row rows[] = {
        {"sooner", 50, 60, 9, 1, "a"},       {"later", 60, 50, 1, 9, "b"},
        {"never is last", 0, 60, 1, 9, "b"}, {"both for ever", 0, 0, 2, 1, "b"},
        {"both for ever", 0, 0, 1, 2, "a"},
    };
    for (const row& each : rows) {
        box_.models.clear();
        box_.instances.clear();
        turns_.clear();
        const std::size_t a = model("a");
        const std::size_t b = model("b");
        const std::size_t c = model("c");
        const auto life = [&](long s) { return s == 0 ? core::steady_time::max() : now_ + seconds{s}; };
        instance_view& first = instance(a, {0}, 500, presence::ready);
        first.expires = life(each.first_expires);
        first.last_used = each.first_used;
        instance_view& second = instance(b, {0}, 500, presence::ready);
        second.expires = life(each.second_expires);
        second.last_used = each.second_used;
        instance(c, {0}, 500);
        wants(c);
        EXPECT_EQ(arranged(), std::string("evict ") + each.goes + "@0 for c; blocked c") << each.what;
    }
}

TEST_F(arrangement_policy, nobody_goes_needlessly) {
    // b alone is too small, a would do; found in the order of their lives, b is spared in the end.
    const std::size_t a = model("a");
    const std::size_t b = model("b");
    const std::size_t c = model("c");
    instance(b, {0}, 200, presence::ready).expires = now_ + seconds{1};
    instance(a, {0}, 600, presence::ready);
    instance(c, {0}, 700);
    wants(c);
    EXPECT_EQ(arranged(), "evict a@0 for c; blocked c");
    EXPECT_TRUE(b < c);
}

TEST_F(arrangement_policy, who_waits_longer_goes_first_and_its_room_is_kept) {
    two_models_one_card();
    const std::size_t c = model("c:1b");
    instance(c, {0}, 600);
    wants(c);
    EXPECT_EQ(arranged(), "evict a:1b@0 for b:1b; blocked b:1b; blocked c:1b");
    EXPECT_EQ(last_.blocked[1].why, "waits for room on card 0, which b:1b gets first");
    // Not even what would fit now, as that would keep b out for ever.
    box_.instances[0].in_use = true;
    box_.instances[2].need_mb = 401;
    EXPECT_EQ(arranged(), "drain a:1b@0; blocked b:1b; blocked c:1b");
    // But what fits beside it.
    box_.instances[2].need_mb = 400;
    EXPECT_EQ(arranged(), "start c:1b@0; drain a:1b@0; blocked b:1b");
}

TEST_F(arrangement_policy, one_load_at_a_time_begins_on_a_card) {
    a_ = model("a");
    b_ = model("b");
    instance(a_, {0}, 300);
    instance(b_, {0}, 300);
    const std::size_t c = model("c");
    instance(c, {1}, 300);
    wants(a_);
    wants(b_);
    wants(c);
    EXPECT_EQ(arranged(), "start a@0; start c@1; blocked b");
    EXPECT_EQ(why(), "waits until a is loaded on card 0");
    box_.instances[0].is = presence::loading;
    box_.instances[0].first_load = true;
    box_.instances[0].load_began = now_;
    of(a_).wants.reset();
    of(c).wants.reset();
    EXPECT_EQ(arranged(), "blocked b");
    EXPECT_EQ(last_.look_again, now_ + seconds{600});
    box_.instances[0].first_load = false;  // it was ready, and is restarted
    EXPECT_EQ(arranged(), "start b@0");
    box_.instances[0].first_load = true;
    rooms_.clear();
    EXPECT_EQ(arranged(), "start b@0");
}

TEST_F(arrangement_policy, further_instances_begin_in_free_room_only_and_go_first) {
    a_ = model("a");
    of(a_).most = 2;
    of(a_).more = true;
    of(a_).needed = true;
    instance(a_, {0}, 600, presence::ready).in_use = true;
    instance(a_, {1}, 600);
    EXPECT_EQ(arranged(), "start a@1");
    of(a_).most = 1;
    EXPECT_EQ(arranged(), "");
    of(a_).most = 2;
    b_ = model("b");
    instance(b_, {1}, 600, presence::ready);
    EXPECT_EQ(arranged(), "");
    // Both cards are a's now, and b comes.
    box_.instances[1].is = presence::ready;
    box_.instances[1].in_use = true;
    box_.instances[2].is = presence::absent;
    turn_since(a_, 99);
    wants(b_);
    EXPECT_EQ(arranged(), "drain a@1; blocked b");
    box_.instances[1].in_use = false;
    EXPECT_EQ(arranged(), "evict a@1 for b; blocked b");
    // The last one has its turn.
    box_.instances[1].is = presence::absent;
    box_.instances[2].cards = {0};
    EXPECT_EQ(arranged(), "start a@1; blocked b");
    EXPECT_EQ(why(), "waits for room on card 0, which a holds until its turn is over");
}

TEST_F(arrangement_policy, more_instances_than_there_may_be_are_given_up_when_idle) {
    a_ = model("a");
    instance(a_, {0}, 600, presence::ready).last_used = 7;
    instance(a_, {1}, 600, presence::ready).last_used = 5;
    EXPECT_EQ(arranged(), "surplus a@1");
    box_.instances[1].in_use = true;
    EXPECT_EQ(arranged(), "surplus a@0");
    box_.instances[0].in_use = true;
    EXPECT_EQ(arranged(), "");
}

TEST_F(arrangement_policy, the_least_loaded_card_is_taken) {
    a_ = model("a");
    instance(a_, {0}, 100, presence::ready);
    b_ = model("b");
    instance(b_, {0}, 100);
    instance(b_, {1}, 100);
    wants(b_);
    EXPECT_EQ(arranged(), "start b@1");
}

// Both were loaded while the card was away, and its room not known.
TEST_F(arrangement_policy, what_broke_beside_another_in_its_room_is_given_up) {
    a_ = model("a");
    b_ = model("b");
    instance(a_, {0}, 600, presence::ready);
    instance(b_, {0}, 600, presence::broken);
    EXPECT_EQ(arranged(), "surplus b@0");
    box_.instances[1].need_mb = 400;
    EXPECT_EQ(arranged(), "") << "it may come back by itself";
    box_.instances[1].need_mb = 1100;
    EXPECT_EQ(arranged(), "") << "programs of others have its room, and it comes back when they go";
    box_.instances[1].need_mb = 600;
    of(b_).pinned = true;
    EXPECT_EQ(arranged(), "surplus b@0") << "or the other would have its room for good";
    of(b_).pinned = false;
    box_.instances[0].is = presence::broken;
    EXPECT_EQ(arranged(), "surplus a@0") << "one of two stays";
    of(a_).pinned = true;
    EXPECT_EQ(arranged(), "surplus b@0") << "the pinned one";
    rooms_.clear();
    EXPECT_EQ(arranged(), "");
}

TEST_F(arrangement_policy, a_broken_instance_is_replaced_where_there_is_another_seat) {
    a_ = model("a");
    instance(a_, {0}, 600, presence::broken);
    instance(a_, {1}, 600);
    wants(a_);
    EXPECT_EQ(arranged(), "start a@1");
    // And one that nobody needs makes room like an idle one.
    b_ = model("b");
    instance(b_, {0}, 600);
    wants(b_);
    of(a_).wants.reset();
    EXPECT_EQ(arranged(), "evict a@0 for b; blocked b");
}

TEST_F(arrangement_policy, preloads_take_what_is_free_pinned_ones_first) {
    a_ = model("a");
    b_ = model("b");
    const std::size_t c = model("c");
    instance(a_, {0}, 600);
    instance(b_, {0}, 600);
    instance(c, {1}, 600);
    for (const std::size_t each : {a_, b_, c}) {
        of(each).preload = true;
    }
    of(b_).pinned = true;
    EXPECT_EQ(arranged(), "start b@0; start c@1; preload rejected a");
    // Never at the cost of somebody who waits.
    of(b_).preload = false;
    of(c).preload = false;
    wants(b_);
    EXPECT_EQ(arranged(), "start b@0; preload rejected a");
}

TEST_F(arrangement_policy, a_preload_waits_for_the_load_before_it) {
    a_ = model("a");
    b_ = model("b");
    instance(a_, {0}, 400);
    instance(b_, {0}, 400);
    of(a_).preload = true;
    of(b_).preload = true;
    EXPECT_EQ(arranged(), "start a@0");
    box_.instances[0].is = presence::ready;
    of(a_).preload = false;
    EXPECT_EQ(arranged(), "start b@0");
}

}  // namespace
}  // namespace corral::scheduler
