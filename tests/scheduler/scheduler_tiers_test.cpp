// A model with a fallback, behind the scheduler's face: who is granted, loaded and unloaded.

#include "scheduler/scheduler_fixture.hpp"

namespace corral::scheduler {
namespace {

using core::seconds;
using engine::availability_state;
using test::run_until;

const std::string model = "tiny:latest";

class tiers_test : public test::scheduler_fixture<core::manual_clock> {
protected:
    tiers_test() {
        other_.entry.tier = 1;
        build({});
    }
    void build(scheduler_options options) {
        add(std::move(options));
        scheduler_->add(other_);
        test::settle(io_);
    }
    // Time passes, and a backend shows a sign of life, which makes the scheduler look at its clock.
    void pass(core::nanoseconds span) {
        clock_.advance(span);
        backend_.availability_changed().ring();
        test::settle(io_);
    }
    const engine::backend* who_serves() {
        const auto asks = start();
        EXPECT_TRUE(run_until(io_, [&] { return has_lease(asks) || asks->refused; }));
        return asks->held ? &**asks->held : nullptr;
    }
    tier_report report() const { return scheduler_->tiers_of(model).value_or(tier_report{}); }
};

TEST_F(tiers_test, the_first_serves_and_the_other_gets_nothing_though_requests_wait) {
    const auto first = start();
    const auto waiting = start("b");
    ASSERT_TRUE(has_lease(first));
    EXPECT_EQ(&**first->held, &backend_);
    EXPECT_FALSE(has_lease(waiting));
    EXPECT_EQ(report().serving, 0U);
    EXPECT_EQ(report().label, model);
}

TEST_F(tiers_test, who_waits_when_the_first_breaks_goes_on_with_the_next_and_comes_back_after_the_while) {
    const auto first = start();
    const auto waiting = start("b");
    backend_.set(availability_state::broken, "its card is gone");
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(waiting); }));
    EXPECT_EQ(&**waiting->held, &other_);
    EXPECT_EQ(report().serving, 1U);
    EXPECT_EQ(report().label, model + "@fallback1");
    EXPECT_EQ(report().why, "tiny:latest can't serve: its card is gone");
    first->held.reset();
    waiting->held.reset();
    backend_.set(availability_state::ready);
    test::settle(io_);
    EXPECT_EQ(who_serves(), &other_);
    pass(seconds{29});
    EXPECT_EQ(who_serves(), &other_);
    pass(seconds{1});
    EXPECT_EQ(who_serves(), &backend_);
    EXPECT_EQ(report().changes, 2U);
    EXPECT_EQ(report().why, "tiny:latest has been ready for 30 s without a break");
}

TEST_F(tiers_test, the_change_back_comes_without_any_event) {
    backend_.entry.failback_after = core::milliseconds{0};
    add({});
    scheduler_->add(other_);
    backend_.set(availability_state::loading);
    test::settle(io_);
    EXPECT_EQ(report().serving, 1U);
    backend_.set(availability_state::ready);
    EXPECT_TRUE(run_until(io_, [&] { return report().serving == 0; }));
}

TEST_F(tiers_test, all_broken_is_refused_with_the_first_ones_reason) {
    other_.set(availability_state::broken, "no disk");
    backend_.set(availability_state::broken, "no card");
    test::settle(io_);
    const auto asks = start();
    ASSERT_TRUE(asks->refused);
    EXPECT_EQ(asks->refused->message, "no card");
}

TEST_F(tiers_test, a_hot_fallback_is_loaded_along_and_a_cold_one_when_it_is_needed) {
    for (const bool hot : {true, false}) {
        test::fake_backend first(io_);
        test::fake_backend other(io_);
        other.entry.tier = 1;
        other.entry.preload = hot;
        first.set(availability_state::stopped);
        other.set(availability_state::stopped);
        scheduler box(io_.get_executor(), clock_, {});
        box.add(first);
        box.add(other);
        box.preload();
        test::settle(io_);
        EXPECT_EQ(first.starts, 1);
        EXPECT_EQ(other.starts, hot ? 1 : 0);
        first.set(availability_state::loading, "it died");
        test::settle(io_);
        EXPECT_EQ(other.starts, hot ? 1 : 0);
        const model_hold needs = box.hold(model);
        test::settle(io_);
        EXPECT_EQ(other.starts, 1);
        EXPECT_EQ(box.tiers_of(model)->serving, 1U);
    }
}

TEST_F(tiers_test, a_cold_fallback_goes_when_it_is_not_needed_any_more) {
    other_.entry.preload = false;
    build({});
    backend_.set(availability_state::loading);
    test::settle(io_);
    EXPECT_EQ(who_serves(), &other_);
    backend_.set(availability_state::ready);
    test::settle(io_);
    EXPECT_EQ(other_.stops, 0);
    pass(seconds{30});
    EXPECT_TRUE(run_until(io_, [&] { return other_.stops == 1; }));
    EXPECT_EQ(who_serves(), &backend_);
    EXPECT_EQ(other_.starts, 0);
}

TEST_F(tiers_test, unloading_the_model_is_no_outage_and_unloads_both) {
    EXPECT_TRUE(scheduler_->unload(model));
    ASSERT_TRUE(run_until(io_, [&] { return backend_.stops == 1 && other_.stops == 1; }));
    EXPECT_EQ(report().serving, 0U);
    EXPECT_EQ(who_serves(), &backend_);
    EXPECT_EQ(report().changes, 0U);
    EXPECT_EQ(other_.starts, 1);
}

TEST_F(tiers_test, a_suspended_model_is_not_served_by_its_fallback) {
    scheduler_->suspend(model, false);
    test::settle(io_);
    const auto asks = start();
    ASSERT_TRUE(asks->refused);
    EXPECT_EQ(name_of(*asks->refused), "model-stopped");
}

TEST_F(tiers_test, a_fallback_that_a_reload_takes_away_while_it_serves_leaves_the_first) {
    backend_.set(availability_state::loading);
    test::settle(io_);
    const auto running = start();
    ASSERT_TRUE(has_lease(running));
    scheduler_->replace(backend_);
    test::settle(io_);
    EXPECT_FALSE(scheduler_->tiers_of(model));
    const auto waiting = start("b");
    EXPECT_FALSE(has_lease(waiting));
    EXPECT_TRUE(has_lease(running));
    backend_.set(availability_state::ready);
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(waiting); }));
    running->held.reset();
    waiting->held.reset();
    test::settle(io_);
}

TEST_F(tiers_test, a_first_tier_that_can_never_fit_is_served_by_the_next) {
    scheduler_options options;
    options.usable_mb = [](unsigned) { return std::optional<std::uint64_t>(1000); };
    backend_.takes = {{0}, 4000, true};
    backend_.set(availability_state::stopped);
    other_.set(availability_state::stopped);
    build(std::move(options));
    EXPECT_EQ(who_serves(), &other_);
    EXPECT_EQ(backend_.starts, 0);
    EXPECT_EQ(who_serves(), &other_);
}

// As when a program of others held it.
TEST_F(tiers_test, a_first_tier_that_had_no_room_serves_again_when_it_has) {
    std::uint64_t room = 1000;
    scheduler_options options;
    options.usable_mb = [&room](unsigned) { return std::optional(room); };
    backend_.takes = {{0}, 4000, true};
    backend_.set(availability_state::stopped);
    other_.set(availability_state::stopped);
    build(std::move(options));
    EXPECT_EQ(who_serves(), &other_);
    room = 5000;
    EXPECT_NE(who_serves(), nullptr) << "by whichever is ready sooner";
    EXPECT_EQ(who_serves(), &backend_);
    EXPECT_EQ(report().why, "tiny:latest is to serve again");
}

TEST_F(tiers_test, a_fallback_is_not_counted_among_those_of_which_only_so_many_may_be_loaded) {
    scheduler_options options;
    options.max_loaded = 1;
    backend_.set(availability_state::stopped);
    other_.set(availability_state::stopped);
    build(std::move(options));
    scheduler_->preload();
    test::settle(io_);
    EXPECT_EQ(backend_.starts, 1);
    EXPECT_EQ(other_.starts, 1);
}

TEST_F(tiers_test, a_backend_with_several_places_gets_as_many_leases_and_no_more) {
    backend_.places = 2;
    add({});
    const auto one = start();
    const auto two = start("b");
    const auto three = start("c");
    EXPECT_TRUE(has_lease(one) && has_lease(two));
    EXPECT_FALSE(has_lease(three));
    EXPECT_EQ(scheduler_->instances_of(model).front().in_use, 2U);
    EXPECT_EQ(scheduler_->snapshot().neglected, 0U);
    one->held.reset();
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(three); }));
}

}  // namespace
}  // namespace corral::scheduler
