// Places in the queue and estimates of waits.

#include "scheduler/queue_policy.hpp"

#include "scheduler/queue_policy_fixture.hpp"

namespace corral::scheduler {
namespace {

class queue_figures_test : public queue_policy_fixture {};

TEST_F(queue_figures_test, places_are_in_the_order_of_service) {
    policy_ = queue_policy{10};
    open("m");
    measure_service();
    arrive(1, "a");
    EXPECT_EQ(place(1), "waits not");
    arrive(2, "a");
    arrive(3, "a");
    arrive(4, "b");
    arrive(5, "a", "m", true);
    EXPECT_EQ(place(4), "1 ahead, 10 s");
    EXPECT_EQ(place(5), "2 ahead, 20 s");
    EXPECT_EQ(place(2), "3 ahead, 30 s");
    EXPECT_EQ(place(3), "4 ahead, 40 s");
    EXPECT_EQ(estimate(), "30 s");  // after one each of a and b
    release(1);
    EXPECT_EQ(told(), "1+ 4+");
    EXPECT_EQ(place(5), "1 ahead, 8 s");  // a lease of no time at all has been seen
}

TEST_F(queue_figures_test, what_has_passed_of_the_running_one_is_taken_off) {
    measure_service();
    arrive(1);
    now_ += core::milliseconds{3500};
    arrive(2);
    EXPECT_EQ(place(2), "1 ahead, 7 s");
    now_ += core::seconds{20};
    EXPECT_EQ(place(2), "1 ahead, 1 s");  // longer than usual: any moment
    EXPECT_EQ(estimate(), "0 s");         // before 2, whose client is the one served
}

TEST_F(queue_figures_test, the_estimate_counts_the_drain_of_an_unwanted_answer_and_the_load_after_it) {
    measure_service();
    arrive(1);
    now_ += core::seconds{9};
    policy_.set_clearing(instances_.at("m"), now_ + core::seconds{32});
    arrive(2);
    EXPECT_EQ(place(2), "1 ahead, 32 s");
    policy_.set_clearing(instances_.at("m"), std::nullopt);
    EXPECT_EQ(place(2), "1 ahead, 1 s");
}

TEST_F(queue_figures_test, a_job_that_gives_way_has_to_begin_its_text_first) {
    measure_service();
    const auto job = [this](std::uint64_t id) {
        arrival who{ticket_id{id}, "jobs", "m"};
        who.level = priority_level::batch;
        who.yields = true;
        take(policy_.arrive(who, now_));
    };
    job(1);
    EXPECT_EQ(estimate(), "0 s");  // how long does that take?
    now_ += core::seconds{40};
    policy_.note_text(ticket_id{1}, now_);
    policy_.note_text(ticket_id{1}, now_ + core::seconds{60});  // it has begun
    release(1);
    job(2);
    now_ += core::seconds{10};
    EXPECT_EQ(estimate(), "30 s");
    arrival hurried{ticket_id{3}, "a", "m"};
    hurried.until = core::deadline(now_ + core::seconds{20});
    told();
    take(policy_.arrive(hurried, now_));
    EXPECT_EQ(told(), "3:late");
    EXPECT_EQ(last_.retry_after, core::seconds{30});
    policy_.note_text(ticket_id{2}, now_);
    EXPECT_EQ(estimate(), "0 s");
    hurried.ticket = ticket_id{4};
    take(policy_.arrive(hurried, now_));
    EXPECT_EQ(told(), "") << "it waits";
}

TEST_F(queue_figures_test, a_new_client_is_told_its_place_without_coming) {
    measure_service();
    const auto stands = [this] {
        const auto now = policy_.standing_now("m", now_);
        return std::to_string(now->ahead) + " ahead, " +
               (now->estimate ? std::to_string(now->estimate->count()) + " s" : "unknown");
    };
    EXPECT_EQ(stands(), "0 ahead, 0 s");
    EXPECT_EQ(policy_.places("m"), 1U);
    arrive(1, "a");
    EXPECT_EQ(stands(), "1 ahead, 10 s");
    arrive(2, "a");
    arrive(3, "a");
    EXPECT_EQ(stands(), "1 ahead, 10 s");  // before those of a client that is served
    EXPECT_FALSE(policy_.standing_now("nobody", now_));
    EXPECT_EQ(policy_.places("nobody"), 1U);
}

TEST_F(queue_figures_test, nothing_is_guessed_before_something_was_measured) {
    arrive(1);
    EXPECT_EQ(place(1), "0 ahead, unknown");  // how long does a load take?
    EXPECT_EQ(estimate(), "unknown");
    ready();
    arrive(2);
    EXPECT_EQ(place(2), "1 ahead, unknown");  // and a lease?
    EXPECT_EQ(estimate(), "unknown");
    release(1);
    release(2);
    EXPECT_EQ(estimate(), "0 s");
}

TEST_F(queue_figures_test, loads_are_measured_too) {
    loading();
    now_ += core::seconds{60};
    ready();
    EXPECT_EQ(estimate(), "0 s");
    unloaded();
    now_ += core::seconds{1000};
    EXPECT_EQ(estimate(), "unknown");  // the other queue was never loaded
    arrive(1);
    EXPECT_EQ(place(1), "0 ahead, 60 s");
    loading();
    now_ += core::seconds{20};
    EXPECT_EQ(place(1), "0 ahead, 40 s");
    EXPECT_EQ(estimate(), "unknown");  // a load and a lease, which is not known yet
    now_ += core::seconds{100};
    EXPECT_EQ(place(1), "0 ahead, 1 s");
    ready();
    EXPECT_EQ(told(), "1+");
}

TEST_F(queue_figures_test, the_estimate_is_of_the_longest_loaded_model) {
    measure_service();
    EXPECT_EQ(estimate(), "0 s");  // the other one is unloaded
    arrive(1);
    ready("n");
    EXPECT_EQ(estimate(), "10 s");
    broken("gone");
    EXPECT_EQ(estimate(), "0 s");
    take(change("n", presence::broken, "gone"));
    EXPECT_EQ(estimate(), "unknown");
}

}  // namespace
}  // namespace corral::scheduler
