// Models with several instances, instances that get nothing more to do, and what the queue knows of turns.

#include <gtest/gtest.h>

#include "scheduler/queue_policy.hpp"

namespace corral::scheduler {
namespace {

using core::seconds;

class queue_policy_instances : public testing::Test {
protected:
    queue_policy_instances() {
        policy_.add_queue("m");
        policy_.add_queue("n");
    }
    void instance(std::uint64_t id, const char* model, std::vector<unsigned> cards, bool ready = true) {
        policy_.add_instance(model, instance_id{id}, std::move(cards), now_);
        if (ready) {
            change(id, presence::ready);
        }
    }
    void change(std::uint64_t id, presence state, const char* why = "") {
        take(policy_.instance_changed(instance_id{id}, state, core::reason::unlisted(why), now_));
    }
    void arrive(std::uint64_t id, const char* model = "m") {
        take(policy_.arrive({ticket_id{id}, "a", model, false}, now_));
    }
    void release(std::uint64_t id) { take(policy_.release(ticket_id{id}, now_)); }
    void take(const std::vector<decision>& decisions) {
        for (const decision& each : decisions) {
            told_ += (told_.empty() ? "" : " ") + std::to_string(each.ticket.value) +
                     (each.what == verdict::granted ? "@" + std::to_string(each.instance.value) : ":no");
        }
    }
    std::string told() { return std::exchange(told_, {}); }

    queue_policy policy_{10};
    core::steady_time now_{seconds{100}};
    std::string told_;
};

TEST_F(queue_policy_instances, two_instances_serve_two_at_once_the_one_idle_for_longest_first) {
    instance(1, "m", {0});
    instance(2, "m", {1});
    arrive(1);
    arrive(2);
    arrive(3);
    EXPECT_EQ(told(), "1@1 2@2");
    release(2);
    EXPECT_EQ(told(), "3@2");
    release(1);
    release(3);
    arrive(4);
    EXPECT_EQ(told(), "4@1");
}

TEST_F(queue_policy_instances, the_card_with_fewer_leases_serves) {
    instance(1, "m", {0});
    instance(2, "m", {1, 2});
    instance(3, "n", {2});
    instance(4, "n", {0});
    arrive(1, "n");
    arrive(2, "n");
    EXPECT_EQ(told(), "1@3 2@4");
    release(2);
    arrive(3);
    EXPECT_EQ(told(), "3@1");
    release(3);
    release(1);
    arrive(4, "n");  // 4 was used before 3 was given back
    arrive(5);
    EXPECT_EQ(told(), "4@4 5@2");
}

TEST_F(queue_policy_instances, one_that_was_never_used_comes_behind_one_whose_card_is_free) {
    instance(1, "m", {0});
    instance(2, "m", {1});
    instance(3, "n", {0});
    arrive(1, "n");
    arrive(2);
    EXPECT_EQ(told(), "1@3 2@2");
}

TEST_F(queue_policy_instances, of_a_renewed_queue_the_instances_are_gone) {
    instance(1, "m", {0});
    EXPECT_TRUE(policy_.is_free(instance_id{1}));
    policy_.renew_queue("m");
    EXPECT_FALSE(policy_.is_free(instance_id{1}));
    change(1, presence::ready);
    arrive(1);
    EXPECT_EQ(told(), "");
}

TEST_F(queue_policy_instances, an_instance_with_room_for_three_serves_three_at_once_and_never_more) {
    policy_.add_instance("m", instance_id{1}, {0}, now_, {3, 0});
    change(1, presence::ready);
    for (std::uint64_t id = 1; id <= 5; ++id) {
        arrive(id);
    }
    EXPECT_EQ(told(), "1@1 2@1 3@1");
    EXPECT_FALSE(policy_.is_free(instance_id{1}));
    release(2);
    EXPECT_EQ(told(), "4@1");
    release(1);
    release(3);
    EXPECT_EQ(told(), "5@1");
    EXPECT_TRUE(policy_.is_free(instance_id{1}));
    EXPECT_EQ(policy_.running(), 2U);
    release(1);  // a second time
    EXPECT_EQ(policy_.running(), 2U);
}

TEST_F(queue_policy_instances, of_instances_with_room_the_one_with_fewer_leases_serves) {
    policy_.add_instance("m", instance_id{1}, {}, now_, {2, 0});
    policy_.add_instance("m", instance_id{2}, {}, now_, {2, 0});
    change(1, presence::ready);
    change(2, presence::ready);
    for (std::uint64_t id = 1; id <= 5; ++id) {
        arrive(id);
    }
    EXPECT_EQ(told(), "1@1 2@2 3@1 4@2");
    release(2);
    EXPECT_EQ(told(), "5@2");
}

TEST_F(queue_policy_instances, clients_are_served_in_turn_where_several_run_at_once) {
    policy_.add_instance("m", instance_id{1}, {}, now_, {2, 0});
    for (std::uint64_t id = 1; id <= 4; ++id) {
        take(policy_.arrive({ticket_id{id}, "greedy", "m", false}, now_));
    }
    take(policy_.arrive({ticket_id{5}, "modest", "m", false}, now_));
    change(1, presence::ready);
    EXPECT_EQ(told(), "1@1 5@1");
}

TEST_F(queue_policy_instances, estimates_count_the_places_of_an_instance) {
    policy_.add_instance("m", instance_id{1}, {}, now_, {4, 0});
    change(1, presence::ready);
    arrive(1);
    now_ += seconds{8};
    release(1);  // a lease takes 8 s
    for (std::uint64_t id = 2; id <= 5; ++id) {
        arrive(id);
    }
    told();
    EXPECT_EQ(policy_.estimate_now(now_), seconds{8});
    for (std::uint64_t id = 6; id <= 9; ++id) {
        arrive(id);
    }
    EXPECT_EQ(policy_.standing_of(ticket_id{9}, now_)->ahead, 7U);
    EXPECT_EQ(policy_.standing_of(ticket_id{9}, now_)->estimate, seconds{14});  // 8 + 3 * 8 / 4
}

TEST_F(queue_policy_instances,
       only_instances_of_the_tier_that_serves_are_granted_and_who_waits_goes_on_with_the_next) {
    policy_.add_instance("m", instance_id{1}, {0}, now_);
    policy_.add_instance("m", instance_id{2}, {}, now_, {1, 1});
    change(1, presence::ready);
    change(2, presence::ready);
    arrive(1);
    arrive(2);
    arrive(3);
    EXPECT_EQ(told(), "1@1");
    EXPECT_FALSE(policy_.is_free(instance_id{2}));
    change(1, presence::loading);
    take(policy_.serve_by("m", 1, now_));
    EXPECT_EQ(told(), "2@2");
    release(1);
    change(1, presence::ready);
    EXPECT_EQ(told(), "");
    take(policy_.serve_by("m", 0, now_));
    EXPECT_EQ(told(), "3@1");
}

TEST_F(queue_policy_instances, a_model_is_refused_only_when_every_tier_is_broken) {
    policy_.add_instance("m", instance_id{1}, {0}, now_);
    policy_.add_instance("m", instance_id{2}, {}, now_, {1, 1});
    change(1, presence::broken);
    arrive(1);
    EXPECT_EQ(told(), "");
    change(2, presence::broken);
    EXPECT_EQ(told(), "1:no");
}

TEST_F(queue_policy_instances, an_instance_that_is_withheld_gets_nothing_until_it_is_not) {
    instance(1, "m", {0});
    take(policy_.withhold(instance_id{1}, true, now_));
    arrive(1);
    EXPECT_EQ(told(), "");
    EXPECT_FALSE(policy_.is_free(instance_id{1}));
    take(policy_.withhold(instance_id{1}, false, now_));
    EXPECT_EQ(told(), "1@1");
    // Who has it keeps it.
    take(policy_.withhold(instance_id{1}, true, now_));
    arrive(2);
    release(1);
    EXPECT_EQ(told(), "");
    instance(2, "m", {1});
    EXPECT_EQ(told(), "2@2");
}

TEST_F(queue_policy_instances, a_model_is_broken_when_all_its_instances_are) {
    instance(1, "m", {0}, false);
    instance(2, "m", {1}, false);
    change(1, presence::broken, "one");
    arrive(1);
    EXPECT_EQ(told(), "");
    change(2, presence::broken, "two");
    EXPECT_EQ(told(), "1:no");
    policy_.remove_instance(instance_id{2});
    instance(3, "m", {1}, false);
    arrive(2);
    EXPECT_EQ(told(), "");
    take(policy_.refuse_for_memory("m", core::reason::unlisted("too large")));
    EXPECT_EQ(told(), "2:no");
    EXPECT_EQ(policy_.waiting(), 0U);
}

TEST_F(queue_policy_instances, a_removed_instance_is_forgotten_with_its_holder) {
    instance(1, "m", {0});
    instance(2, "m", {1});
    arrive(1);
    arrive(2);
    arrive(3);
    policy_.remove_instance(instance_id{1});
    told();
    release(1);
    EXPECT_EQ(told(), "");
    release(2);
    EXPECT_EQ(told(), "3@2");
    EXPECT_EQ(policy_.running(), 1U);
}

TEST_F(queue_policy_instances, two_instances_halve_the_wait) {
    instance(1, "m", {0});
    instance(2, "m", {1});
    arrive(1);
    now_ += seconds{10};
    release(1);
    arrive(2);
    arrive(3);
    now_ += seconds{4};
    arrive(4);
    arrive(5);
    // The sooner of the two that run, and then half a lease for each that waits before.
    EXPECT_EQ(policy_.standing_of(ticket_id{4}, now_)->estimate, seconds{6});
    EXPECT_EQ(policy_.standing_of(ticket_id{5}, now_)->estimate, seconds{6 + 5});
    EXPECT_EQ(policy_.standing_of(ticket_id{5}, now_)->ahead, 3U);
}

TEST_F(queue_policy_instances, the_way_to_the_room_is_part_of_the_estimate) {
    instance(1, "m", {0}, false);
    change(1, presence::loading);
    now_ += seconds{30};
    change(1, presence::ready);
    change(1, presence::absent);
    arrive(1);
    EXPECT_EQ(policy_.standing_of(ticket_id{1}, now_)->estimate, seconds{30});
    policy_.set_memory_delay("m", seconds{12});
    EXPECT_EQ(policy_.standing_of(ticket_id{1}, now_)->estimate, seconds{42});
    policy_.set_memory_delay("m", std::nullopt);
    EXPECT_EQ(policy_.standing_of(ticket_id{1}, now_)->estimate, std::nullopt);
    EXPECT_EQ(policy_.usual_load("m"), seconds{30});
}

TEST_F(queue_policy_instances,
       the_oldest_that_waits_is_known_and_a_turn_begins_when_the_first_instance_is_ready) {
    EXPECT_FALSE(policy_.oldest_of("m"));
    instance(1, "m", {0}, false);
    instance(2, "m", {1}, false);
    arrive(1);
    now_ += seconds{5};
    arrive(2);
    EXPECT_EQ(policy_.oldest_of("m")->at, core::steady_time{seconds{100}});
    EXPECT_TRUE(policy_.cancel(ticket_id{1}));
    EXPECT_EQ(policy_.oldest_of("m")->at, core::steady_time{seconds{105}});
    const moment other = policy_.mark(now_);
    now_ += seconds{5};
    change(1, presence::ready);
    EXPECT_EQ(policy_.slice_of("m")->expires_at(other, seconds{10}), core::steady_time{seconds{120}});
    now_ += seconds{5};
    change(2, presence::ready);  // no turn of its own
    change(1, presence::loading);
    change(1, presence::ready);  // nor has one that was restarted
    EXPECT_EQ(policy_.slice_of("m")->expires_at(other, seconds{10}), core::steady_time{seconds{120}});
    policy_.end_slice("m", now_);
    EXPECT_EQ(policy_.slice_of("m")->expires_at(other, seconds{10}), std::nullopt);
}

}  // namespace
}  // namespace corral::scheduler
