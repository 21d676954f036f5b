// What a load balancer is told of a box and its models.

#include "corral/api/member_state.hpp"

#include <string>
#include <vector>

#include "api_fixture.hpp"

namespace corral::api {
namespace {

using engine::availability_state;

std::string text_of(const member_verdict& told) {
    const std::string word = told.word == member_word::up      ? "up " + std::to_string(told.percent)
                             : told.word == member_word::drain ? "drain"
                                                               : "down";
    return word + " " + std::string(told.status);
}

scheduler::outlook queue_of(std::size_t running, std::size_t waiting, std::size_t places) {
    return {.waiting = waiting, .running = running, .places = places, .estimate = {}, .needs_room = false};
}

TEST(member_state, follows_the_model_and_its_queue) {
    struct row {
        availability_state state;
        scheduler::outlook queue;
        const char* told;
    };
    scheduler::outlook swap;
    swap.needs_room = true;
    const std::vector<row> rows{
        {availability_state::ready, queue_of(0, 0, 1), "up 100 ready"},
        {availability_state::ready, queue_of(1, 0, 1), "up 50 ready"},
        {availability_state::ready, queue_of(1, 3, 1), "up 20 ready"},
        {availability_state::ready, queue_of(1, 500, 1), "up 1 ready"},
        {availability_state::ready, queue_of(3, 0, 4), "up 100 ready"},
        {availability_state::ready, queue_of(4, 3, 4), "up 50 ready"},
        {availability_state::ready, queue_of(0, 0, 0), "up 100 ready"},
        {availability_state::stopped, queue_of(0, 0, 1), "up 50 unloaded"},
        {availability_state::stopped, queue_of(0, 9, 1), "up 10 unloaded"},
        {availability_state::stopped, swap, "up 10 unloaded"},
        {availability_state::loading, queue_of(0, 0, 1), "up 0 loading"},
        {availability_state::broken, queue_of(0, 0, 1), "down broken"},
    };
    for (const row& each : rows) {
        EXPECT_EQ(text_of(judge_member({}, {each.state, false, each.queue})), each.told);
        EXPECT_EQ(text_of(judge_member({}, {each.state, true, each.queue})), "down stopped");
        EXPECT_EQ(text_of(judge_member({.drained = true}, {each.state, false, each.queue})),
                  "drain draining");
        EXPECT_EQ(text_of(judge_member({.closed = true, .drained = true}, {each.state, false, each.queue})),
                  "down closed");
        EXPECT_EQ(text_of(judge_member({.ends = true, .drained = true}, {each.state, false, each.queue})),
                  "down shutting down");
    }
}

class member : public test::api_test {
protected:
    std::string line(std::string_view asked, const box_condition& box = {}) {
        return agent_line(box, *context.models, *admission, asked);
    }
};

TEST_F(member, answers_an_agent_check) {
    EXPECT_EQ(line(""), "ready up 100%\n");
    EXPECT_EQ(line("Tiny"), "ready up 100%\n");
    EXPECT_EQ(line("nobody"), "down #unknown model\n");
    EXPECT_EQ(line("tinysteady"), "down #unknown model\n");
    EXPECT_EQ(line("nobody steady"), "down #unknown model\n");
    EXPECT_EQ(line("", {.drained = true}), "drain\n");
    EXPECT_EQ(line("nobody", {.ends = true}), "down #shutting down\n");
    backend.set(availability_state::loading, "secret words");
    EXPECT_EQ(line("tiny"), "ready up 0%\n");
    EXPECT_EQ(line("tiny steady"), "ready up 0%\n");
    backend.set(availability_state::broken, "secret words");
    EXPECT_EQ(line("tiny"), "down #broken\n");
    EXPECT_EQ(line(""), "down #broken\n");
}

TEST_F(member, a_queue_takes_weight_from_it) {
    backend.otherwise.gate_before_text = true;
    const auto first = start("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi"})");
    ASSERT_TRUE(test::run_until(io, [&] { return admission->snapshot().running == 1; }));
    EXPECT_EQ(line("tiny"), "ready up 50%\n");
    const auto second = start("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi"})");
    ASSERT_TRUE(test::run_until(io, [&] { return admission->snapshot().waiting == 1; }));
    EXPECT_EQ(line("tiny"), "ready up 33%\n");
    EXPECT_EQ(line("tiny steady"), "ready up 100%\n");
    EXPECT_EQ(line("steady"), "ready up 100%\n");
    const auto asked = ask("GET", "/readyz?model=tiny");
    EXPECT_EQ(asked->answer.status, 200U);
    EXPECT_EQ(
        asked->answer.body,
        R"({"status":"ready","model":"tiny:latest","weight_percent":33,"wait_seconds":null,"queue":{"waiting":1,"running":1,"places":1}})");
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return first->over && second->over; }));
    EXPECT_EQ(line("tiny"), "ready up 100%\n");
}

TEST_F(member, readyz_of_a_model_says_whether_a_request_would_be_answered_now) {
    const auto ready = ask("GET", "/readyz?model=tiny%3Alatest");
    EXPECT_EQ(ready->answer.status, 200U);
    EXPECT_EQ(
        ready->answer.body,
        R"({"status":"ready","model":"tiny:latest","weight_percent":100,"wait_seconds":0,"queue":{"waiting":0,"running":0,"places":1}})");
    EXPECT_EQ(ask("HEAD", "/readyz?x=1&model=TINY")->answer.status, 200U);
    EXPECT_EQ(ask("GET", "/readyz?model=other")->answer.status, 404U);
    for (const char* const bad : {"/readyz?model=", "/readyz?model", "/readyz?model=+"}) {
        EXPECT_EQ(ask("GET", bad)->answer.status, 400U) << bad;
    }
    EXPECT_EQ(ask("GET", "/readyz?model=" + std::string(2000, 'x'))->answer.status, 400U);
    // Of nobody's interest: as without a query.
    EXPECT_EQ(ask("GET", "/readyz?models=other")->answer.status, 200U);
    EXPECT_EQ(ask("GET", "/readyz?model%=other")->answer.status, 200U);
    backend.set(availability_state::broken, "no device");
    EXPECT_EQ(ask("GET", "/readyz?model=tiny")->answer.status, 503U);
}

TEST_F(member, a_drained_box_says_so_and_still_answers) {
    bool drained = true;
    context.drained = [&drained] { return drained; };
    handler = make_api(context);
    const auto whole = ask("GET", "/readyz");
    EXPECT_EQ(whole->answer.status, 503U);
    EXPECT_TRUE(whole->answer.body.starts_with(R"({"status":"draining",)")) << whole->answer.body;
    const auto one = ask("GET", "/readyz?model=tiny");
    EXPECT_EQ(one->answer.status, 503U);
    EXPECT_TRUE(one->answer.body.starts_with(R"({"status":"draining",)")) << one->answer.body;
    EXPECT_EQ(ask("POST", "/api/generate", R"({"model":"tiny","prompt":"Hi"})")->answer.status, 200U);
    drained = false;
    EXPECT_EQ(ask("GET", "/readyz")->answer.status, 200U);
}

}  // namespace
}  // namespace corral::api
