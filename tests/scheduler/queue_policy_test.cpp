#include "scheduler/queue_policy.hpp"

#include "scheduler/queue_policy_fixture.hpp"

namespace corral::scheduler {
namespace {

class queue_policy_test : public queue_policy_fixture {};

TEST_F(queue_policy_test, waits_while_loading_and_grants_when_ready) {
    arrive(1);
    EXPECT_EQ(told(), "");
    ready();
    EXPECT_EQ(told(), "1+");
    EXPECT_EQ(policy_.running(), 1U);
    EXPECT_EQ(policy_.waiting(), 0U);
}

TEST_F(queue_policy_test, grants_one_at_a_time) {
    ready();
    arrive(1);
    arrive(2);
    EXPECT_EQ(told(), "1+");
    release(1);
    EXPECT_EQ(told(), "2+");
}

TEST_F(queue_policy_test, models_do_not_wait_for_each_other) {
    ready("m");
    ready("n");
    arrive(1, "a", "m");
    arrive(2, "a", "n");
    EXPECT_EQ(told(), "1+ 2+");
}

TEST_F(queue_policy_test, refuses_an_unknown_model) {
    arrive(1, "a", "other");
    EXPECT_EQ(told(), "1:unknown");
}

TEST_F(queue_policy_test, refuses_beyond_the_bound_with_the_time_to_wait) {
    ready();
    arrive(1);
    arrive(2);
    now_ += core::seconds{10};
    release(1);  // a lease takes ten seconds; 2 runs
    arrive(3);
    arrive(4);
    told();
    arrive(5);
    EXPECT_EQ(told(), "5:full");
    EXPECT_EQ(last_.retry_after, core::seconds{30});
}

TEST_F(queue_policy_test, refuses_at_once_what_would_have_its_turn_after_its_deadline) {
    measure_service();  // ten seconds a lease
    arrive(1);
    arrive(2);
    told();
    const auto ask = [&](std::uint64_t id, core::seconds within, bool again = false) {
        arrival who{ticket_id{id}, "b", "m", again};
        who.until = core::deadline::after(within, now_);
        take(policy_.arrive(who, now_));
    };
    ask(3, core::seconds{9});
    EXPECT_EQ(told(), "3:late");
    EXPECT_EQ(last_.retry_after, core::seconds{10});
    ask(4, core::seconds{11});
    EXPECT_EQ(place(4), "1 ahead, 10 s") << "a newcomer goes before the second of the first client";
    ask(5, core::seconds{1}, true);
    EXPECT_EQ(told(), "") << "what was admitted before stays";
}

TEST_F(queue_policy_test, a_person_is_not_told_to_wait_for_a_job_that_makes_way) {
    measure_service();  // ten seconds a lease
    arrival job{ticket_id{1}, "a", "m"};
    job.level = priority_level::batch;
    job.yields = true;
    take(policy_.arrive(job, now_));
    EXPECT_EQ(told(), "1+");
    arrival who{ticket_id{2}, "b", "m"};
    who.until = core::deadline::after(core::seconds{3}, now_);
    EXPECT_EQ(estimate(), "0 s");
    take(policy_.arrive(who, now_));
    EXPECT_EQ(told(), "");
    EXPECT_EQ(place(2), "1 ahead, 1 s");
    who.ticket = ticket_id{3};
    who.level = priority_level::batch;
    take(policy_.arrive(who, now_));
    EXPECT_EQ(told(), "3:late") << "no other job has it make way";
}

// It is loaded for those who wait: refused each time, nobody would ever have it loaded.
TEST_F(queue_policy_test, a_deadline_shorter_than_a_load_still_has_the_model_loaded) {
    loading();
    now_ += core::seconds{40};
    measure_service();
    unloaded();
    arrival who{ticket_id{1}, "b", "m"};
    who.until = core::deadline::after(core::seconds{5}, now_);
    take(policy_.arrive(who, now_));
    EXPECT_EQ(told(), "");
    EXPECT_EQ(policy_.waiting_for("m"), 1U);
    loading();
    who.ticket = ticket_id{2};
    take(policy_.arrive(who, now_));
    EXPECT_EQ(told(), "2:late") << "it is on its way now";
}

TEST_F(queue_policy_test, a_deadline_refuses_nobody_who_is_served_at_once_or_while_nothing_is_measured) {
    arrive(1);
    arrival soon{ticket_id{2}, "b", "m"};
    soon.until = core::deadline::after(core::milliseconds{1}, now_);
    take(policy_.arrive(soon, now_));
    EXPECT_EQ(told(), "");
    ready();
    now_ += core::seconds{10};
    release(1);
    release(2);
    told();
    soon.ticket = ticket_id{3};
    take(policy_.arrive(soon, now_));
    EXPECT_EQ(told(), "3+");
}

// The queue has two places; each lease takes ten seconds.
TEST_F(queue_policy_test, a_greedy_client_does_not_keep_another_out_of_a_full_queue) {
    measure_service();
    arrive(1, "greedy");
    arrive(2, "greedy");
    arrive(3, "greedy");
    told();
    arrive(4, "polite");
    EXPECT_EQ(told(), "3:full");
    EXPECT_EQ(last_.retry_after, core::seconds{20}) << "where it stood: behind 1, which runs, and 2";
    // Now both have one.
    arrive(5, "greedy");
    EXPECT_EQ(told(), "5:full");
    EXPECT_EQ(last_.retry_after, core::seconds{30}) << "behind 1, 2 and 4";
    arrive(6, "third");
    EXPECT_EQ(told(), "6:full");
    EXPECT_EQ(last_.retry_after, core::seconds{30});
    release(1);
    EXPECT_EQ(told(), "4+") << "the greedy one was served last";
    release(4);
    EXPECT_EQ(told(), "2+");
}

TEST_F(queue_policy_test, retry_after_is_the_wait_of_this_client) {
    measure_service();
    policy_.set_max_waiting(20);
    for (std::uint64_t id = 1; id <= 20; ++id) {
        arrive(id, "greedy");
    }
    arrive(21, "polite");
    policy_.set_max_waiting(3);
    told();
    arrive(22, "greedy");
    EXPECT_EQ(told(), "22:full");
    EXPECT_EQ(last_.retry_after, core::seconds{10 + 10 * 20});
    policy_.set_max_waiting(1);
    arrive(23, "polite");
    arrive(24, "third");
    EXPECT_EQ(told(), "20:full 19:full");
}

TEST_F(queue_policy_test, the_one_that_yields_may_wait_for_another_model) {
    arrive(1, "greedy", "m");
    arrive(2, "greedy", "n");
    arrive(3, "polite", "m");
    EXPECT_EQ(told(), "2:full");
    ready("n");
    ready("m");
    EXPECT_EQ(told(), "1+");
    release(1);
    EXPECT_EQ(told(), "3+");
}

TEST_F(queue_policy_test, what_was_admitted_before_yields_to_nobody) {
    arrive(1, "greedy", "m", true);
    arrive(2, "greedy", "m", true);
    arrive(3, "polite");
    EXPECT_EQ(told(), "3:full");
}

TEST_F(queue_policy_test, bound_counts_all_queues_but_not_a_free_one) {
    arrive(1);
    arrive(2);
    ready("n");
    arrive(3, "a", "n");
    EXPECT_EQ(told(), "3+");
    arrive(4, "a", "n");
    EXPECT_EQ(told(), "4:full");
}

TEST_F(queue_policy_test, readmission_is_never_refused_for_a_full_queue_and_goes_first) {
    arrive(1);
    arrive(2);
    arrive(3, "a", "m", true);
    EXPECT_EQ(told(), "");
    ready();
    EXPECT_EQ(told(), "3+");
    release(3);
    EXPECT_EQ(told(), "1+");
}

TEST_F(queue_policy_test, a_cancelled_ticket_frees_its_place) {
    arrive(1);
    arrive(2);
    EXPECT_TRUE(policy_.cancel(ticket_id{1}));
    EXPECT_FALSE(policy_.cancel(ticket_id{1}));
    arrive(3);
    EXPECT_EQ(told(), "");
    ready();
    EXPECT_EQ(told(), "2+");
}

TEST_F(queue_policy_test, cancel_does_not_take_a_grant_back) {
    ready();
    arrive(1);
    EXPECT_FALSE(policy_.cancel(ticket_id{1}));
    EXPECT_EQ(policy_.running(), 1U);
}

TEST_F(queue_policy_test, a_backend_that_is_not_ready_is_not_granted_again) {
    ready();
    arrive(1);
    arrive(2);
    loading();
    told();
    release(1);
    EXPECT_EQ(told(), "");
    ready();
    EXPECT_EQ(told(), "2+");
}

TEST_F(queue_policy_test, ready_does_not_grant_while_a_lease_is_out) {
    ready();
    arrive(1);
    arrive(2);
    told();
    loading();
    ready();
    EXPECT_EQ(told(), "");
}

TEST_F(queue_policy_test, a_broken_backend_refuses_waiting_and_new_with_its_reason) {
    arrive(1);
    arrive(2, "b");
    broken("the model file is missing");
    EXPECT_EQ(told(), "1:broken 2:broken");
    EXPECT_EQ(last_.reason, "the model file is missing");
    arrive(3);
    EXPECT_EQ(told(), "3:broken");
    loading();
    arrive(4);
    EXPECT_EQ(told(), "");
}

TEST_F(queue_policy_test, shutting_down_refuses_all_but_the_running_one) {
    ready();
    arrive(1);
    arrive(2);
    told();
    take(policy_.refuse_new());
    EXPECT_EQ(told(), "2:shutdown");
    arrive(3);
    EXPECT_EQ(told(), "3:shutdown");
    release(1);
    EXPECT_EQ(told(), "");
    EXPECT_EQ(policy_.running(), 0U);
}

TEST_F(queue_policy_test, releasing_twice_is_harmless) {
    ready();
    arrive(1);
    arrive(2);
    release(1);
    told();
    release(1);
    EXPECT_EQ(told(), "");
    EXPECT_EQ(policy_.running(), 1U);
}

TEST_F(queue_policy_test, an_unloaded_model_keeps_its_tickets_waiting) {
    ready();
    unloaded();
    arrive(1);
    EXPECT_EQ(told(), "");
    loading();
    ready();
    EXPECT_EQ(told(), "1+");
}

TEST_F(queue_policy_test, a_client_with_many_requests_does_not_starve_another) {
    queue_policy roomy(100);
    roomy.add_queue("m");
    roomy.add_instance("m", instance_id{1}, {}, now_);
    for (std::uint64_t id = 1; id <= 50; ++id) {
        take(roomy.arrive({ticket_id{id}, "greedy", "m", false}, now_));
    }
    take(roomy.arrive({ticket_id{51}, "modest", "m", false}, now_));
    take(roomy.instance_changed(instance_id{1}, presence::ready, {}, now_));
    EXPECT_EQ(told(), "1+");
    take(roomy.release(ticket_id{1}, now_));
    EXPECT_EQ(told(), "51+");
}

TEST_F(queue_policy_test, a_suspended_model_refuses_those_who_wait_and_come_with_the_reason) {
    ready();
    arrive(1);
    arrive(2);
    told();
    take(policy_.suspend("m", core::reason::unlisted("by hand")));
    EXPECT_EQ(told(), "2:suspended");
    EXPECT_EQ(last_.reason, "by hand");
    arrive(3);
    EXPECT_EQ(told(), "3:suspended");
    release(1);
    EXPECT_EQ(told(), "");
    take(policy_.resume("m", now_));
    arrive(4);
    EXPECT_EQ(told(), "4+");
}

TEST_F(queue_policy_test, a_removed_model_refuses_those_who_wait_and_forgets_its_holder) {
    ready();
    arrive(1);
    arrive(2);
    told();
    take(policy_.remove_queue("m"));
    EXPECT_EQ(told(), "2:removed");
    arrive(3);
    EXPECT_EQ(told(), "3:unknown");
    open("m");
    ready();
    arrive(4);
    EXPECT_EQ(told(), "4+");
    release(1);  // of the queue that was removed: the new one keeps its holder
    arrive(5);
    EXPECT_EQ(told(), "");
    release(4);
    EXPECT_EQ(told(), "5+");
    EXPECT_EQ(policy_.running(), 1U);
}

TEST_F(queue_policy_test, a_renewed_queue_keeps_those_who_wait_in_their_order) {
    ready();
    arrive(1);
    arrive(2);
    arrive(3);
    told();
    policy_.renew_queue("m");
    renew("m");
    EXPECT_EQ(policy_.waiting(), 2U);
    EXPECT_EQ(told(), "");
    ready();
    EXPECT_EQ(told(), "2+");
    release(1);
    EXPECT_EQ(told(), "");
    release(2);
    EXPECT_EQ(told(), "3+");
}

}  // namespace
}  // namespace corral::scheduler
