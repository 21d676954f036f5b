// What the scheduler shows to those who watch over progress.

#include <boost/asio/post.hpp>

#include "scheduler/scheduler_fixture.hpp"

namespace corral::scheduler {
namespace {

namespace asio = boost::asio;
using core::seconds;
using engine::availability_state;
using test::run_until;

class scheduler_test : public test::scheduler_fixture<core::steady_clock_source> {
protected:
    scheduler_test() { add(scheduler_options{3}); }
};

TEST_F(scheduler_test, grants_a_ready_backend_at_once_and_the_next_on_release) {
    const auto first = start();
    const auto second = start();
    ASSERT_TRUE(has_lease(first));
    EXPECT_EQ(&**first->held, &backend_);
    EXPECT_FALSE(has_lease(second));
    EXPECT_EQ(scheduler_->snapshot().waiting, 1U);
    EXPECT_EQ(scheduler_->snapshot().running, 1U);
    first->held.reset();
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(second); }));
}

TEST_F(scheduler_test, waits_for_a_loading_backend) {
    backend_.set(availability_state::loading);
    const auto who = start();
    EXPECT_FALSE(who->over);
    backend_.set(availability_state::ready);
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(who); }));
}

TEST_F(scheduler_test, refuses_when_the_backend_breaks_while_waiting) {
    backend_.set(availability_state::loading);
    const auto who = start();
    backend_.set(availability_state::broken, "layer 3 is missing");
    ASSERT_TRUE(run_until(io_, [&] { return who->refused.has_value(); }));
    EXPECT_EQ(who->refused->kind, chat::failure_kind::unavailable);
    EXPECT_EQ(who->refused->message, "layer 3 is missing");
    const auto next = start();
    ASSERT_TRUE(next->refused);
    EXPECT_EQ(next->refused->message, "layer 3 is missing");
}

TEST_F(scheduler_test, refuses_unknown_models_and_a_full_queue) {
    const auto lost = start("a", {}, "other:latest");
    ASSERT_TRUE(lost->refused);
    EXPECT_EQ(lost->refused->kind, chat::failure_kind::model_not_found);
    std::vector<std::shared_ptr<test::asker>> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(start());
    }
    const auto fifth = start();
    ASSERT_TRUE(fifth->refused);
    EXPECT_EQ(fifth->refused->kind, chat::failure_kind::queue_full);
    ASSERT_TRUE(fifth->refused->retry_after);
    EXPECT_GE(*fifth->refused->retry_after, core::seconds{1});
    scheduler_->refuse_new();
    EXPECT_TRUE(run_until(io_, [&] { return all[3]->over; }));
}

TEST_F(scheduler_test, gives_up_at_the_deadline) {
    const auto first = start();
    const auto until = core::deadline::after(core::milliseconds{20}, clock_.now());
    const auto second = start("a", until);
    ASSERT_TRUE(run_until(io_, [&] { return second->refused.has_value(); }));
    EXPECT_EQ(second->refused->kind, chat::failure_kind::timed_out);
    EXPECT_EQ(scheduler_->snapshot().waiting, 0U);
}

TEST_F(scheduler_test, a_cancelled_asker_leaves_the_queue) {
    const auto first = start();
    const auto second = start();
    const auto third = start();
    second->cancel.emit(asio::cancellation_type::terminal);
    ASSERT_TRUE(run_until(io_, [&] { return second->over; }));
    EXPECT_FALSE(has_lease(second));
    first->held.reset();
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(third); }));
}

// The grant is on its way when the asker goes: it must come back.
TEST_F(scheduler_test, a_grant_to_an_asker_that_is_just_cancelled_goes_to_the_next) {
    const auto first = start();
    const auto second = start();
    const auto third = start();
    asio::post(io_, [&] {
        first->held.reset();
        second->cancel.emit(asio::cancellation_type::terminal);
    });
    ASSERT_TRUE(run_until(io_, [&] { return second->over && has_lease(third); }));
    EXPECT_FALSE(has_lease(second));
    EXPECT_EQ(scheduler_->snapshot().running, 1U);
}

TEST_F(scheduler_test, a_release_does_not_grant_a_backend_that_has_just_gone) {
    const auto first = start();
    const auto second = start();
    backend_.set(availability_state::loading);
    first->held.reset();
    test::settle(io_);
    EXPECT_FALSE(has_lease(second));
    backend_.set(availability_state::ready);
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(second); }));
}

TEST_F(scheduler_test, shuts_down_in_order) {
    const auto first = start();
    const auto second = start();
    scheduler_->refuse_new();
    ASSERT_TRUE(run_until(io_, [&] { return second->over; }));
    EXPECT_EQ(second->refused->kind, chat::failure_kind::shutting_down);
    bool idle = false;
    asio::co_spawn(io_, scheduler_->wait_idle({}), [&](std::exception_ptr, bool was) { idle = was; });
    test::settle(io_);
    EXPECT_FALSE(idle);
    first->held.reset();
    EXPECT_TRUE(run_until(io_, [&] { return idle; }));
}

TEST_F(scheduler_test, wait_idle_ends_at_its_deadline) {
    const auto first = start();
    std::optional<bool> idle;
    const auto until = core::deadline::after(core::milliseconds{10}, clock_.now());
    asio::co_spawn(io_, scheduler_->wait_idle(until), [&](std::exception_ptr, bool was) { idle = was; });
    ASSERT_TRUE(run_until(io_, [&] { return idle.has_value(); }));
    EXPECT_FALSE(*idle);
}

TEST_F(scheduler_test, a_lease_may_outlive_the_scheduler) {
    const auto first = start();
    scheduler_.reset();
    first->held.reset();
    SUCCEED();
}

class progress_test : public test::scheduler_fixture<core::manual_clock> {
protected:
    progress_test() { add(scheduler_options{3}); }
};

TEST_F(progress_test, counts_leases_and_how_far_one_is_beyond_its_deadline) {
    EXPECT_EQ(scheduler_->snapshot().granted, 0U);
    const auto who = start("a", core::deadline::after(seconds{10}, clock_.now()));
    ASSERT_TRUE(has_lease(who));
    EXPECT_EQ(scheduler_->snapshot().granted, 1U);
    clock_.advance(seconds{10});
    EXPECT_EQ(scheduler_->snapshot().overdue, core::nanoseconds{0});
    clock_.advance(seconds{7});
    EXPECT_EQ(scheduler_->snapshot().overdue, seconds{7});
    who->held.reset();
    EXPECT_EQ(scheduler_->snapshot().overdue, core::nanoseconds{0});
    EXPECT_EQ(scheduler_->snapshot().granted, 1U);
}

TEST_F(progress_test, a_request_is_neglected_only_before_a_backend_that_is_ready_and_free) {
    backend_.set(availability_state::loading);
    const auto first = start();
    EXPECT_EQ(scheduler_->snapshot().neglected, 0U) << "it loads";
    backend_.set(availability_state::ready);
    EXPECT_EQ(scheduler_->snapshot().neglected, 1U) << "the scheduler has not heard of it yet";
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(first); }));
    const auto second = start();
    EXPECT_EQ(scheduler_->snapshot().waiting, 1U);
    EXPECT_EQ(scheduler_->snapshot().neglected, 0U) << "it is taken";
}

}  // namespace
}  // namespace corral::scheduler
