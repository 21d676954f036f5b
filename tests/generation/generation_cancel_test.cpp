// The reader goes, or the server ends, at every point of a request's way.

#include "generation_driver.hpp"

namespace corral::generation {
namespace {

class generation_cancel : public test::generation_test {
protected:
    // The next request is answered, so nothing is held by the one before.
    void expect_next_is_served() {
        backend.open_gates();
        backend.script.clear();
        EXPECT_EQ(read(request("next")).text, "Hello");
        EXPECT_EQ(backend.most_running, 1);
        EXPECT_EQ(admission->snapshot().waiting, 0U);
        EXPECT_TRUE(test::run_until(io, [&] { return admission->snapshot().running == 0; }));
        EXPECT_TRUE(task_errors.empty());
    }
};

TEST_F(generation_cancel, before_anything_ran) {
    { generation_handle gone = begin(request()); }
    ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    EXPECT_TRUE(backend.seen.empty());
    expect_next_is_served();
}

TEST_F(generation_cancel, while_waiting_for_the_turn) {
    test::scripted_run long_run = saying({"x"});
    long_run.gate_before_text = true;
    backend.script = {long_run};
    generation_handle first = begin(request("first"));
    test::settle(io);
    {
        generation_handle second = begin(request("second"));
        test::settle(io);
        EXPECT_EQ(admission->snapshot().waiting, 1U);
    }
    ASSERT_TRUE(test::run_until(io, [&] { return admission->snapshot().waiting == 0; }));
    EXPECT_EQ(backend.running, 1);
    expect_next_is_served();
    EXPECT_EQ(backend.seen.size(), 2U);
}

TEST_F(generation_cancel, while_the_model_loads) {
    backend.set(engine::availability_state::loading);
    {
        generation_handle gone = begin(request());
        test::settle(io);
    }
    ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    backend.set(engine::availability_state::ready);
    expect_next_is_served();
    EXPECT_EQ(backend.seen.size(), 1U);
}

TEST_F(generation_cancel, before_the_first_text) {
    test::scripted_run run = saying({"x"});
    run.gate_before_text = true;
    run.gate_before_return = true;
    backend.script = {run};
    {
        generation_handle gone = begin(request());
        ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    }
    ASSERT_TRUE(test::run_until(io, [&] { return backend.cancelled == 1; }));
    // The lease is held until the runtime is drained.
    EXPECT_EQ(admission->snapshot().running, 1U);
    expect_next_is_served();
}

TEST_F(generation_cancel, in_the_middle_of_the_text) {
    test::scripted_run run = saying({"half"});
    run.gate_after_text = true;
    backend.script = {run};
    {
        generation_handle gone = begin(request());
        ASSERT_TRUE(test::run_until(io, [&] { return gone->poll().has_value(); }));
    }
    ASSERT_TRUE(test::run_until(io, [&] { return backend.cancelled == 1; }));
    expect_next_is_served();
}

TEST_F(generation_cancel, after_the_end_was_told) {
    test::scripted_run run = saying({"all"});
    run.tells_end_early = true;
    run.gate_before_return = true;
    backend.script = {run};
    {
        generation_handle gone = begin(request());
        ASSERT_TRUE(test::run_until(io, [&] { return gone->poll().has_value(); }));
    }
    expect_next_is_served();
}

TEST_F(generation_cancel, between_two_tries) {
    test::scripted_run dies = failing(true);
    dies.state_after = engine::availability_state::loading;
    backend.script = {dies};
    {
        generation_handle gone = begin(request());
        ASSERT_TRUE(
            test::run_until(io, [&] { return backend.finished == 1 && admission->snapshot().waiting == 1; }));
    }
    ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    backend.set(engine::availability_state::ready);
    expect_next_is_served();
    EXPECT_EQ(backend.seen.size(), 2U);
}

// A shutdown cancels the tasks: the run is asked to stop and is still waited for, and the reader hears of it.
TEST_F(generation_cancel, by_the_end_of_the_server) {
    test::scripted_run run = saying({"half"});
    run.gate_after_text = true;
    run.gate_before_return = true;
    backend.script = {run};
    generation_handle handle = begin(request());
    generation_handle waiting = begin(request());
    ASSERT_TRUE(
        test::run_until(io, [&] { return backend.running == 1 && admission->snapshot().waiting == 1; }));
    tasks.cancel();
    ASSERT_TRUE(test::run_until(io, [&] { return backend.cancelled == 1; }));
    EXPECT_EQ(backend.running, 1);
    EXPECT_FALSE(tasks.empty());
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    test::reading got;
    drain(handle, got);
    EXPECT_EQ(got.text, "half");
    EXPECT_EQ(got.ends, 1);
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->kind, chat::failure_kind::shutting_down);
    test::reading other;
    drain(waiting, other);
    EXPECT_EQ(other.ends, 1);
    ASSERT_TRUE(other.failed);
    EXPECT_EQ(other.failed->kind, chat::failure_kind::shutting_down);
}

TEST_F(generation_cancel, by_the_end_of_the_server_before_the_task_began) {
    generation_handle handle = begin(request());
    tasks.cancel();
    ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    test::reading got;
    drain(handle, got);
    EXPECT_EQ(got.ends, 1);
    EXPECT_TRUE(backend.seen.empty() || backend.cancelled == 1);
}

TEST_F(generation_cancel, a_moved_handle_lets_go_of_what_it_had) {
    test::scripted_run run = saying({"x"});
    run.gate_before_text = true;
    backend.script = {run};
    generation_handle handle = begin(request());
    ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    handle = begin(request("other"));
    ASSERT_TRUE(test::run_until(io, [&] { return backend.cancelled == 1; }));
    test::reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(handle, got);
        return got.over();
    }));
    EXPECT_EQ(got.text, "Hello");
}

}  // namespace
}  // namespace corral::generation
