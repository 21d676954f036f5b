// What the scheduler shows to those who watch over progress.

#include "scheduler/scheduler_fixture.hpp"

namespace corral::scheduler {
namespace {

using core::seconds;
using engine::availability_state;
using test::run_until;

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
