// Models that come and go with the requests for them, and places in the queue.

#include "scheduler/scheduler_fixture.hpp"

namespace corral::scheduler {
namespace {

using core::nanoseconds;
using core::seconds;
using engine::availability_state;
using test::run_until;

const std::string model = "tiny:latest";

class residence_test : public test::scheduler_fixture<core::manual_clock> {
protected:
    residence_test() { build(seconds{300}); }
    void build(nanoseconds usual) {
        scheduler_options options;
        options.keep_alive = usual;
        add(options);
    }
    std::shared_ptr<test::asker> start_keeping(nanoseconds keep_alive) {
        admission_request who;
        who.client = "a";
        who.model = model;
        who.keep_alive = keep_alive;
        return start(std::move(who));
    }
    // Time passes, and the backend shows a sign of life, which makes the scheduler look at its clock.
    void pass(nanoseconds span) {
        clock_.advance(span);
        backend_.availability_changed().ring();
        test::settle(io_);
    }
    bool loaded() const { return scheduler_->residence_of(model).loaded; }
    std::optional<core::steady_time> expires() const { return scheduler_->residence_of(model).expires; }
};

TEST_F(residence_test, a_model_nobody_asks_for_goes_after_its_stay_and_comes_back_for_the_next_request) {
    EXPECT_TRUE(loaded());
    EXPECT_EQ(expires(), clock_.now() + seconds{300});
    auto first = start();
    EXPECT_EQ(expires(), std::nullopt);
    pass(seconds{400});
    EXPECT_EQ(backend_.stops, 0);
    first->held.reset();
    EXPECT_EQ(expires(), clock_.now() + seconds{300});
    pass(seconds{299});
    EXPECT_EQ(backend_.stops, 0);
    pass(seconds{1});
    EXPECT_EQ(backend_.stops, 1);
    EXPECT_FALSE(loaded());
    const auto second = start();
    EXPECT_EQ(backend_.starts, 1);
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(second); }));
    EXPECT_TRUE(loaded());
}

TEST_F(residence_test, a_model_stays_for_ever_by_default) {
    add(scheduler_options{});
    pass(seconds{100'000'000});
    EXPECT_EQ(expires(), std::nullopt);
    EXPECT_EQ(backend_.stops, 0);
}

TEST_F(residence_test, real_time_ends_a_stay_without_any_sign) {
    // The clock stands still, so only the remaining time counts, over and over.
    build(core::milliseconds{20});
    const auto until = clock_.now() + core::milliseconds{20};
    EXPECT_EQ(expires(), until);
    clock_.advance(core::milliseconds{20});
    EXPECT_TRUE(run_until(io_, [&] { return backend_.stops == 1 && !loaded(); }));
}

TEST_F(residence_test, zero_unloads_when_the_request_is_over_and_not_before) {
    const auto first = start_keeping(nanoseconds{0});
    ASSERT_TRUE(has_lease(first));
    const auto second = start();
    EXPECT_FALSE(has_lease(second));
    first->held.reset();
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(second); }));
    EXPECT_EQ(backend_.stops, 0);
    second->held.reset();
    ASSERT_TRUE(run_until(io_, [&] { return !loaded(); }));
    EXPECT_EQ(backend_.stops, 1);
    EXPECT_EQ(backend_.starts, 0);
}

TEST_F(residence_test, a_value_counts_from_the_turn_of_its_request) {
    const auto first = start_keeping(seconds{50});
    const auto second = start_keeping(seconds{10});
    EXPECT_EQ(scheduler_->residence_of(model).stay, seconds{50});
    first->held.reset();
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(second); }));
    second->held.reset();
    EXPECT_EQ(expires(), clock_.now() + seconds{10});
    // One that gave up before its turn changes nothing.
    const auto third = start();
    const auto fourth = start_keeping(seconds{7});
    fourth->cancel.emit(boost::asio::cancellation_type::terminal);
    ASSERT_TRUE(run_until(io_, [&] { return fourth->over; }));
    third->held.reset();
    EXPECT_EQ(expires(), clock_.now() + seconds{10});
}

TEST_F(residence_test, unload_lets_running_and_waiting_requests_end) {
    const auto first = start();
    const auto second = start("b");
    scheduler_->unload(model);
    test::settle(io_);
    EXPECT_EQ(backend_.stops, 0);
    EXPECT_EQ(scheduler_->residence_of(model).stay, seconds{0});
    first->held.reset();
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(second); }));
    EXPECT_EQ(backend_.stops, 0);
    second->held.reset();
    ASSERT_TRUE(run_until(io_, [&] { return !loaded(); }));
    EXPECT_EQ(backend_.starts, 0);
}

TEST_F(residence_test, a_request_during_the_unloading_waits_and_loads_again) {
    backend_.gate_before_stopped = true;
    scheduler_->unload(model);
    test::settle(io_);
    EXPECT_EQ(backend_.stops, 1);
    EXPECT_TRUE(loaded());
    EXPECT_EQ(expires(), clock_.now());  // as people see that it goes
    const auto who = start();
    EXPECT_FALSE(has_lease(who));
    EXPECT_FALSE(who->over);
    EXPECT_EQ(backend_.starts, 0);
    ASSERT_TRUE(run_until(io_, [&] {
        backend_.open_gates();
        return has_lease(who);
    }));
    EXPECT_EQ(backend_.starts, 1);
}

// The stop was ordered, but the backend has not begun with it.
TEST_F(residence_test, a_backend_about_to_stop_is_not_granted) {
    backend_.gate_before_stopped = true;
    scheduler_->unload(model);
    const auto who = start();
    EXPECT_FALSE(has_lease(who));
    ASSERT_TRUE(run_until(io_, [&] {
        backend_.open_gates();
        return has_lease(who);
    }));
    EXPECT_EQ(backend_.most_held_at_stop, 0);
}

TEST_F(residence_test, a_stop_that_fails_does_not_lose_the_next_request) {
    backend_.stops_well = false;
    scheduler_->unload(model);
    test::settle(io_);
    EXPECT_EQ(backend_.stops, 1);
    EXPECT_FALSE(loaded());
    const auto who = start();
    EXPECT_EQ(backend_.starts, 1);
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(who); }));
}

TEST_F(residence_test, load_starts_without_a_request_and_a_hold_keeps_it) {
    scheduler_->unload(model);
    ASSERT_TRUE(run_until(io_, [&] { return !loaded(); }));
    backend_.starts_slowly = true;
    scheduler_->load(model, seconds{5});
    EXPECT_EQ(backend_.starts, 1);
    EXPECT_TRUE(loaded());
    model_hold hold = scheduler_->hold(model);
    scheduler_->unload(model);
    pass(seconds{100});
    EXPECT_EQ(backend_.stops, 1);
    backend_.set(availability_state::ready);
    test::settle(io_);
    EXPECT_EQ(backend_.stops, 1);
    hold.reset();
    ASSERT_TRUE(run_until(io_, [&] { return backend_.stops == 2; }));
    EXPECT_EQ(scheduler_->hold("other:latest"), nullptr);
}

TEST_F(residence_test, a_load_stays_for_its_value_from_being_ready) {
    scheduler_->unload(model);
    ASSERT_TRUE(run_until(io_, [&] { return !loaded(); }));
    backend_.starts_slowly = true;
    scheduler_->load(model, seconds{5});
    pass(seconds{60});
    EXPECT_EQ(expires(), std::nullopt);
    backend_.set(availability_state::ready);
    test::settle(io_);
    EXPECT_EQ(expires(), clock_.now() + seconds{5});
}

TEST_F(residence_test, a_broken_or_restarting_model_is_left_to_its_supervisor) {
    backend_.set(availability_state::loading);
    pass(seconds{1000});
    EXPECT_TRUE(loaded());
    backend_.set(availability_state::broken, "no device");
    pass(seconds{1000});
    EXPECT_FALSE(loaded());
    const auto who = start();
    ASSERT_TRUE(who->refused);
    EXPECT_EQ(who->refused->message, "no device");
    EXPECT_EQ(backend_.starts, 0);
    EXPECT_EQ(backend_.stops, 0);
    scheduler_->load(model, {});
    EXPECT_EQ(backend_.starts, 1);
}

TEST_F(residence_test, a_shutdown_ends_all_orders) {
    const auto first = start_keeping(nanoseconds{0});
    scheduler_->refuse_new();
    first->held.reset();
    scheduler_->unload(model);
    scheduler_->load(model, {});
    pass(seconds{1000});
    EXPECT_EQ(backend_.stops, 0);
    backend_.set(availability_state::stopped);
    test::settle(io_);
    EXPECT_EQ(backend_.starts, 0);
}

TEST_F(residence_test, the_scheduler_may_go_while_a_model_is_unloaded) {
    backend_.gate_before_stopped = true;
    scheduler_->unload(model);
    test::settle(io_);
    const auto who = start();
    const model_hold hold = scheduler_->hold(model);
    scheduler_.reset();
    ASSERT_TRUE(run_until(io_, [&] { return who->over; }));
    EXPECT_EQ(who->refused->kind, chat::failure_kind::shutting_down);
    backend_.open_gates();
    test::settle(io_);
    EXPECT_EQ(backend_.starts, 0);
}

TEST_F(residence_test, a_request_that_waits_is_told_its_place_once) {
    const auto first = start();
    EXPECT_TRUE(first->places.empty());
    const auto second = start();
    const auto third = start("b");
    ASSERT_EQ(second->places.size(), 1U);
    EXPECT_EQ(second->places[0].ahead, 1U);
    EXPECT_EQ(second->places[0].estimate, std::nullopt);
    EXPECT_EQ(third->places[0].ahead, 1U) << "before the second of the client that is served";
    clock_.advance(seconds{8});
    first->held.reset();
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(third); }));
    clock_.advance(seconds{3});
    const auto fourth = start("c");
    ASSERT_EQ(fourth->places.size(), 1U);
    EXPECT_EQ(fourth->places[0].ahead, 2U);
    EXPECT_EQ(fourth->places[0].estimate, seconds{5 + 8});
    EXPECT_EQ(scheduler_->snapshot().estimate, seconds{5 + 8 + 8});
    EXPECT_EQ(second->places.size(), 1U);
}

TEST_F(residence_test, a_request_that_waits_for_the_model_is_told_how_long_it_usually_loads) {
    scheduler_->unload(model);
    ASSERT_TRUE(run_until(io_, [&] { return !loaded(); }));
    backend_.starts_slowly = true;
    const auto first = start();
    ASSERT_EQ(first->places.size(), 1U);
    EXPECT_EQ(first->places[0].ahead, 0U);
    EXPECT_EQ(first->places[0].estimate, std::nullopt);
    pass(seconds{70});
    backend_.set(availability_state::ready);
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(first); }));
    first->held.reset();
    scheduler_->unload(model);
    ASSERT_TRUE(run_until(io_, [&] { return !loaded(); }));
    EXPECT_EQ(scheduler_->snapshot().estimate, seconds{70});
    const auto second = start();
    EXPECT_EQ(second->places[0].estimate, seconds{70});
    EXPECT_EQ(scheduler_->snapshot().waiting, 1U);
}

TEST_F(residence_test, a_readmission_is_not_told_again) {
    const auto first = start();
    admission_request again;
    again.client = "a";
    again.model = model;
    again.readmission = true;
    const auto second = start(std::move(again));
    EXPECT_TRUE(second->places.empty());
    first->held.reset();
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(second); }));
}

}  // namespace
}  // namespace corral::scheduler
