// Requests that kill or hang their runtime.

#include "generation_driver.hpp"

namespace corral::generation {
namespace {

class generation_poison_test : public test::generation_test {};

using chat::failure_kind;
using test::reading;

TEST_F(generation_poison_test, a_whole_answer_that_kills_the_runtime_twice_is_poisonous) {
    test::scripted_run dies = failing(true, true);
    dies.pieces = {"half an ans"};
    backend.otherwise = dies;
    const reading got = read_whole(request());
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(name_of(*got.failed), "poisonous");
    EXPECT_EQ(backend.seen.size(), 2U);
}

TEST_F(generation_poison_test, a_request_that_kills_the_runtime_twice_is_poisonous) {
    backend.otherwise = failing(true, true);
    const reading got = read(request());
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(name_of(*got.failed), "poisonous");
    EXPECT_FALSE(got.failed->retryable);
    EXPECT_EQ(backend.seen.size(), 2U);
}

TEST_F(generation_poison_test, a_request_that_hangs_the_runtime_has_one_more_try_and_no_third) {
    backend.otherwise = hanging();
    const reading got = read_whole(request());
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(name_of(*got.failed), "poisonous");
    EXPECT_EQ(backend.seen.size(), 2U);
}

TEST_F(generation_poison_test, a_death_and_a_hang_are_poison_together) {
    backend.script = {failing(true, true), hanging()};
    EXPECT_EQ(name_of(*read(request()).failed), "poisonous");
}

TEST_F(generation_poison_test, a_prompt_that_was_poison_is_refused_at_once_whoever_asks_and_however) {
    backend.script = {hanging(), hanging()};
    EXPECT_EQ(name_of(*read(request()).failed), "poisonous");
    auto regenerated = request();
    regenerated.client = "another";
    regenerated.sampling.seed = 42;
    regenerated.sampling.temperature = 1.5;
    for (int i = 0; i < 3; ++i) {
        const reading got = read(regenerated);
        ASSERT_TRUE(got.failed);
        EXPECT_EQ(name_of(*got.failed), "quarantined");
        EXPECT_EQ(got.failed->kind, failure_kind::unsupported);
    }
    EXPECT_EQ(backend.seen.size(), 2U) << "no runtime sees it";
    EXPECT_EQ(read(request("Hi there")).text, "Hello") << "another prompt runs";
}

TEST_F(generation_poison_test, an_operators_word_lets_a_deadly_prompt_run_again) {
    backend.script = {hanging(), hanging()};
    EXPECT_EQ(name_of(*read(request()).failed), "poisonous");
    generations->forget_deadly_prompts();
    EXPECT_EQ(read(request()).text, "Hello");
}

TEST_F(generation_poison_test, a_prompt_whose_card_was_lost_is_not_to_blame) {
    backend.otherwise = hanging();
    generation_handle handle = begin(request());
    reading got;
    ASSERT_TRUE(test::run_until(io, [&] {
        backend.device_losses = backend.seen.size();  // each time the gate finds the card lost
        drain(handle, got);
        return got.over();
    }));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(got.failed->message.id(), "request.runtime-died");
    EXPECT_EQ(backend.seen.size(), 3U) << "as any failure that may be tried again";
}

TEST_F(generation_poison_test, a_prompt_that_hung_for_a_client_that_left_is_remembered) {
    test::scripted_run left = saying({});
    left.gate_before_text = true;
    left.loss = hanging().loss;
    backend.script = {left, left};
    for (std::size_t i = 1; i <= 2; ++i) {
        generation_handle handle = begin(request());
        ASSERT_TRUE(test::run_until(io, [&] { return backend.seen.size() == i; }));
        handle.reset();
        ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    }
    EXPECT_EQ(name_of(*read(request()).failed), "quarantined");
}

TEST_F(generation_poison_test, whoever_was_only_there_when_the_runtime_died_counts_half) {
    backend.script = {hanging(true), hanging(true), saying({"innocent"})};
    EXPECT_EQ(read(request()).text, "innocent");
}

TEST_F(generation_poison_test, after_a_hang_those_who_wait_go_first) {
    test::scripted_run hangs = hanging();
    hangs.gate_before_text = true;
    backend.script = {hangs};
    generation_handle first = begin(request("hangs"));
    ASSERT_TRUE(test::run_until(io, [&] { return backend.seen.size() == 1; }));
    std::vector<generation_handle> waiting;
    for (const char* const each : {"one", "two", "three"}) {
        waiting.push_back(begin(request(each)));
    }
    test::settle(io);
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return backend.seen.size() == 5; }));
    std::vector<std::string> order;
    for (const engine::run_spec& each : backend.seen) {
        order.push_back(each.prompt.turns.substr(0, 3));
    }
    EXPECT_EQ(order, (std::vector<std::string>{"han", "one", "two", "thr", "han"}));
    ASSERT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
}

TEST_F(generation_poison_test, one_death_and_one_other_failure_are_not_poison) {
    backend.script = {failing(true, true), failing(true), saying({"alive"})};
    EXPECT_EQ(read(request()).text, "alive");
}

}  // namespace
}  // namespace corral::generation
