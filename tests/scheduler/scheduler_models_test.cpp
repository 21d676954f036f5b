// Models that a person stops, and models that others take the place of.

#include "scheduler/scheduler_fixture.hpp"

namespace corral::scheduler {
namespace {

using chat::failure_kind;
using core::seconds;
using engine::availability_state;
using test::run_until;

const std::string model = "tiny:latest";

class scheduler_models_test : public test::scheduler_fixture<core::manual_clock> {
protected:
    scheduler_models_test() { add(scheduler_options{}); }
    // True once `runtime` is unleased; false while it is not.
    bool unleased(const engine::backend& runtime) {
        bool out = false;
        boost::asio::co_spawn(
            io_,
            [](scheduler* of, const engine::backend* which, bool* to) -> core::awaitable<void> {
                const core::deadline soon =
                    core::deadline::after(core::milliseconds{1}, std::chrono::steady_clock::now());
                *to = co_await of->wait_unleased(*which, soon);
            }(scheduler_.get(), &runtime, &out),
            [](std::exception_ptr) {});
        io_.restart();
        io_.run_for(core::milliseconds{20});
        return out;
    }
    bool loaded() const { return scheduler_->residence_of(model).loaded; }
};

TEST_F(scheduler_models_test,
       a_suspended_model_refuses_those_who_wait_and_come_and_goes_after_the_running_one) {
    const auto running = start();
    const auto waiting = start("b");
    scheduler_->suspend(model, false);
    test::settle(io_);
    ASSERT_TRUE(waiting->refused);
    EXPECT_EQ(waiting->refused->kind, failure_kind::unavailable);
    EXPECT_EQ(name_of(*waiting->refused), "model-stopped");
    EXPECT_EQ(waiting->refused->message, suspension_text(model));
    EXPECT_EQ(name_of(*start("c")->refused), "model-stopped");
    EXPECT_EQ(backend_.stops, 0);
    EXPECT_TRUE(scheduler_->suspended(model));
    running->held.reset();
    ASSERT_TRUE(run_until(io_, [&] { return !loaded(); }));
    EXPECT_EQ(backend_.stops, 1);
    // Nothing loads it but a person.
    scheduler_->load(model, {});
    const model_hold hold = scheduler_->hold(model);
    EXPECT_EQ(name_of(*start("d")->refused), "model-stopped");
    test::settle(io_);
    EXPECT_EQ(backend_.starts, 0);
    scheduler_->resume(model);
    EXPECT_EQ(backend_.starts, 1);
    const auto again = start();
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(again); }));
}

TEST_F(scheduler_models_test, at_once_does_not_wait_for_the_running_one) {
    const auto running = start();
    scheduler_->suspend(model, true);
    ASSERT_TRUE(run_until(io_, [&] { return backend_.stops == 1; }));
    EXPECT_TRUE(has_lease(running));
    running->held.reset();
    test::settle(io_);
    EXPECT_FALSE(loaded());
    EXPECT_EQ(backend_.starts, 0);
}

TEST_F(scheduler_models_test, what_reads_a_runtime_keeps_it_from_its_end_and_from_nothing_else) {
    const auto running = start();
    reader reads = scheduler_->read(model);
    reader again = scheduler_->read(model);
    ASSERT_EQ(reads.get(), &backend_);
    scheduler_->remove(model);
    EXPECT_EQ(scheduler_->read(model), nullptr);
    running->held.reset();
    EXPECT_FALSE(unleased(backend_));
    reads.reset();
    EXPECT_FALSE(unleased(backend_));
    again.reset();
    EXPECT_TRUE(unleased(backend_));
}

TEST_F(scheduler_models_test, a_runtime_that_is_read_is_unloaded_all_the_same_and_then_not_read) {
    const auto running = start();
    const reader reads = scheduler_->read(model);
    ASSERT_NE(reads, nullptr);
    scheduler_->suspend(model, true);
    EXPECT_EQ(scheduler_->read(model), nullptr);
    running->held.reset();
    EXPECT_TRUE(run_until(io_, [&] { return backend_.stops == 1 && !loaded(); }));
    EXPECT_EQ(scheduler_->read(model), nullptr);
}

TEST_F(scheduler_models_test, resume_before_the_stop_keeps_it_and_during_the_stop_loads_it_again) {
    const auto running = start();
    scheduler_->suspend(model, false);
    scheduler_->resume(model);
    running->held.reset();
    test::settle(io_);
    EXPECT_EQ(backend_.stops, 0);
    backend_.gate_before_stopped = true;
    scheduler_->suspend(model, false);
    test::settle(io_);
    EXPECT_EQ(backend_.stops, 1);
    scheduler_->resume(model);
    EXPECT_EQ(backend_.starts, 0);
    ASSERT_TRUE(run_until(io_, [&] {
        backend_.open_gates();
        return backend_.starts == 1;
    }));
    EXPECT_TRUE(loaded());
}

TEST_F(scheduler_models_test, resume_tries_a_broken_one_again) {
    backend_.set(availability_state::broken, "no device");
    test::settle(io_);
    scheduler_->resume(model);
    EXPECT_EQ(backend_.starts, 1);
}

TEST_F(scheduler_models_test, who_waits_for_a_replaced_model_gets_the_successor_once_it_is_admitted) {
    other_.set(availability_state::stopped);
    const auto running = start();
    const auto waiting = start("b");
    scheduler_->replace(other_);
    EXPECT_EQ(scheduler_->runtime_of(model), &other_);
    EXPECT_EQ(scheduler_->queue_of(model).running, 1U) << "on the old one";
    const auto later = start("c");
    running->held.reset();
    test::settle(io_);
    EXPECT_EQ(scheduler_->queue_of(model).running, 0U);
    EXPECT_FALSE(has_lease(waiting));
    EXPECT_EQ(other_.starts, 0);
    EXPECT_EQ(backend_.stops, 0);  // it is its new owner's to stop
    scheduler_->admit(model);
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(waiting); }));
    EXPECT_EQ(other_.starts, 1);
    EXPECT_EQ(&**waiting->held, &other_);
    EXPECT_FALSE(has_lease(later));
    waiting->held.reset();
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(later); }));
    EXPECT_EQ(&**later->held, &other_);
    later->held.reset();
    scheduler_->unload(model);  // nobody is counted twice
    EXPECT_TRUE(run_until(io_, [&] { return other_.stops == 1; }));
}

// Its card may be another's yet, that the scheduler knows no more.
TEST_F(scheduler_models_test, a_model_that_a_reload_brings_is_not_started_before_it_is_admitted) {
    test::fake_backend fresh(io_, "fresh:latest");
    fresh.set(availability_state::stopped);
    scheduler_->replace(fresh);
    const auto waiting = start("a", {}, "fresh:latest");
    scheduler_->load("fresh:latest", {});
    test::settle(io_);
    EXPECT_EQ(fresh.starts, 0);
    EXPECT_FALSE(waiting->refused);
    scheduler_->admit("fresh:latest");
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(waiting); }));
    EXPECT_EQ(fresh.starts, 1);
    waiting->held.reset();
    scheduler_.reset();
    test::settle(io_);
}

TEST_F(scheduler_models_test, a_lease_on_the_old_one_goes_on_and_is_waited_for) {
    const auto running = start();
    EXPECT_FALSE(unleased(backend_));
    scheduler_->replace(other_);
    scheduler_->admit(model);
    const auto on_other = start("b");
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(on_other); }));
    EXPECT_EQ(&**running->held, &backend_);
    EXPECT_FALSE(unleased(backend_));
    EXPECT_EQ(scheduler_->queue_of(model).running, 2U) << "one each";
    running->held.reset();
    EXPECT_TRUE(unleased(backend_));
    EXPECT_FALSE(unleased(other_));
    EXPECT_TRUE(has_lease(on_other));
    on_other->held.reset();
    EXPECT_TRUE(unleased(other_));
}

TEST_F(scheduler_models_test, a_removed_model_refuses_those_who_wait_and_is_unknown_then) {
    const auto running = start();
    const auto waiting = start("b");
    scheduler_->remove(model);
    test::settle(io_);
    ASSERT_TRUE(waiting->refused);
    EXPECT_EQ(name_of(*waiting->refused), "model-removed");
    EXPECT_EQ(start("c")->refused->kind, failure_kind::model_not_found);
    EXPECT_EQ(scheduler_->runtime_of(model), nullptr);
    EXPECT_FALSE(unleased(backend_));
    running->held.reset();
    EXPECT_TRUE(unleased(backend_));
    EXPECT_EQ(scheduler_->snapshot().running, 0U);
    // The same name may come back.
    scheduler_->replace(other_);
    scheduler_->admit(model);
    const auto back = start();
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(back); }));
}

TEST_F(scheduler_models_test, a_suspended_model_stays_so_over_a_replacement) {
    scheduler_->suspend(model, false);
    test::settle(io_);
    scheduler_->replace(other_);
    scheduler_->admit(model);
    EXPECT_EQ(name_of(*start()->refused), "model-stopped");
    other_.set(availability_state::stopped);
    scheduler_->resume(model);
    EXPECT_EQ(other_.starts, 1);
}

TEST_F(scheduler_models_test, one_replaced_before_it_was_admitted_is_never_started) {
    test::fake_backend third(io_);
    third.set(availability_state::stopped);
    other_.set(availability_state::stopped);
    scheduler_->replace(other_);
    const auto waiting = start();
    scheduler_->replace(third);
    scheduler_->admit(model);
    ASSERT_TRUE(run_until(io_, [&] { return has_lease(waiting); }));
    EXPECT_EQ(other_.starts, 0);
    EXPECT_EQ(third.starts, 1);
    waiting->held.reset();
    scheduler_.reset();
    test::settle(io_);
}

TEST_F(scheduler_models_test, options_change_for_those_who_come) {
    scheduler_options fewer;
    fewer.max_queue = 1;
    fewer.keep_alive = seconds{50};
    const auto running = start();
    const auto first = start("b");
    const auto second = start("c");
    scheduler_->adjust(fewer);
    EXPECT_EQ(start("d")->refused->kind, failure_kind::queue_full);
    EXPECT_FALSE(first->refused || second->refused);
    EXPECT_EQ(scheduler_->residence_of(model).stay, seconds{50});
    running->held.reset();
    EXPECT_TRUE(run_until(io_, [&] { return has_lease(first); }));
}

}  // namespace
}  // namespace corral::scheduler
