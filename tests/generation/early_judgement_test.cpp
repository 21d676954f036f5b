#include "generation/early_judgement.hpp"

#include <map>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "corral/core/random_source.hpp"
#include "generation_driver.hpp"

namespace corral::generation {

namespace {

using core::milliseconds;
using core::seconds;

const std::string model = "tiny:latest";

TEST(count_turns, one_at_a_time_with_a_pause_of_four_times_its_length) {
    count_turns all;
    core::steady_time now{seconds{1000}};
    const auto a = all.join(model, "a", now);
    const auto b = all.join(model, "b", now);
    EXPECT_FALSE(all.begin(model, *b, now)) << "it came second";
    EXPECT_TRUE(all.begin(model, *a, now));
    EXPECT_FALSE(all.begin(model, *b, now));
    EXPECT_EQ(all.next(model), std::nullopt);
    now += milliseconds{50};
    all.end(model, false, now);
    EXPECT_EQ(all.next(model), now + milliseconds{200});
    EXPECT_FALSE(all.begin(model, *b, now + milliseconds{199}));
    EXPECT_TRUE(all.begin(model, *b, now + milliseconds{200}));
}

TEST(count_turns, a_client_that_floods_gets_every_second_turn_and_two_places) {
    count_turns all;
    const core::steady_time now{seconds{1000}};
    const auto first = all.join(model, "flood", now);
    EXPECT_TRUE(all.begin(model, *first, now));
    const auto second = all.join(model, "flood", now);
    EXPECT_TRUE(all.join(model, "flood", now));
    EXPECT_FALSE(all.join(model, "flood", now));
    const auto other = all.join(model, "other", now);
    all.end(model, false, now);
    EXPECT_FALSE(all.begin(model, *second, now));
    EXPECT_TRUE(all.begin(model, *other, now));
    all.end(model, false, now);
    EXPECT_TRUE(all.begin(model, *second, now));
}

TEST(count_turns, a_model_whose_count_failed_is_left_alone_for_a_minute_and_others_are_not) {
    count_turns all;
    const core::steady_time now{seconds{1000}};
    const auto one = all.join(model, "a", now);
    EXPECT_TRUE(all.begin(model, *one, now));
    all.end(model, true, now);
    EXPECT_FALSE(all.join(model, "b", now + seconds{59}));
    EXPECT_TRUE(all.join("other:latest", "b", now + seconds{59}));
    EXPECT_TRUE(all.join(model, "b", now + seconds{60}));
}

// Whatever clients do, one has the turn at most, and no place stays behind.
TEST(count_turns, a_walk_of_clients_that_come_leave_and_count) {
    core::seeded_random dice{20'261};
    const auto up_to = [&](std::uint64_t most) { return dice.next() % (most + 1); };
    count_turns all;
    core::steady_time now{seconds{1000}};
    std::map<count_turns::ticket, std::string> waiting;
    bool counting = false;
    for (int step = 0; step < 20'000; ++step) {
        now += milliseconds{static_cast<int>(up_to(30))};
        const std::string client(1, static_cast<char>('a' + up_to(4)));
        switch (up_to(3)) {
            case 0:
                if (const auto ticket = all.join(model, client, now)) {
                    waiting.emplace(*ticket, client);
                }
                break;
            case 1:
                if (!waiting.empty()) {
                    all.leave(model, waiting.begin()->first);
                    waiting.erase(waiting.begin());
                }
                break;
            case 2:
                if (counting) {
                    all.end(model, up_to(99) == 0, now);
                    counting = false;
                }
                break;
            default: {
                std::vector<count_turns::ticket> begun;
                for (const auto& [ticket, who] : waiting) {
                    if (all.begin(model, ticket, now)) {
                        begun.push_back(ticket);
                    }
                }
                ASSERT_LE(begun.size(), counting ? 0U : 1U);
                if (!begun.empty()) {
                    counting = true;
                    waiting.erase(begun.front());
                } else if (!counting && !waiting.empty()) {
                    ASSERT_TRUE(all.next(model));
                    ASSERT_GT(*all.next(model), now) << "somebody could have begun";
                }
            }
        }
        ASSERT_LE(waiting.size(), 10U);
    }
}

}  // namespace

// Prompts that are judged while another request has the only place.

namespace {

class early_judgement : public test::generation_test {
protected:
    early_judgement() {
        backend.counts_beside = true;
        backend.context = 2000;
        backend.prompt_limit = 2000;
    }
    ~early_judgement() override { free_place(); }
    // Somebody's long answer.
    void hold_place() {
        test::scripted_run endless = saying({"on and on"});
        endless.gate_before_text = true;
        backend.script = {endless};
        chat::generation_request what = request();
        what.client = "holder";
        holder = begin(std::move(what));
        ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    }
    void free_place() {
        holder.reset();
        EXPECT_TRUE(test::run_until(io, [&] { return tasks.empty(); }));
    }
    // What comes of it while the place is held: its failure, or nothing once it waits.
    std::optional<chat::failure> judged(chat::generation_request what) {
        generation_handle handle = begin(std::move(what));
        test::reading out;
        EXPECT_TRUE(test::run_until(io, [&] {
            drain(handle, out);
            return out.over() || admission->queue_of("tiny:latest").waiting > 0;
        }));
        EXPECT_EQ(backend.running, 1) << "the other goes on";
        handle.reset();
        EXPECT_TRUE(test::run_until(io, [&] { return admission->queue_of("tiny:latest").waiting == 0; }));
        return out.failed ? std::optional<chat::failure>(*out.failed) : std::nullopt;
    }
    static chat::generation_request whole(std::string prompt) {
        chat::generation_request out = request(std::move(prompt));
        out.limits.truncate = false;
        return out;
    }

    generation_handle holder;
};

TEST_F(early_judgement, a_request_that_can_not_fit_is_refused_while_another_answer_runs) {
    hold_place();
    const auto why = judged(whole(std::string(3000, 'x')));
    ASSERT_TRUE(why);
    EXPECT_EQ(why->kind, chat::failure_kind::context_too_long);
    EXPECT_NE(why->message.text().find("there is room for 2000"), std::string::npos) << why->message;
    EXPECT_FALSE(why->retryable);
    EXPECT_EQ(backend.measures, 1) << "the holder's";
}

TEST_F(early_judgement, what_obviously_fits_or_can_be_made_to_fit_is_not_counted) {
    hold_place();
    EXPECT_FALSE(judged(whole("short")));
    EXPECT_FALSE(judged(request(std::string(30'000, 'x'))));
    EXPECT_EQ(backend.counted_beside, 0);
}

TEST_F(early_judgement, a_count_that_waits_for_its_turn_keeps_nobody_else_from_counting) {
    hold_place();
    backend.counts_beside = false;
    chat::generation_request counted = request();
    counted.arrived = clock.now();
    auto named = models.find(counted.model);
    std::optional<generation_service::count_result> got;
    boost::asio::co_spawn(
        io, [&]() -> core::awaitable<void> { got = co_await generations->count(counted, named); },
        boost::asio::detached);
    ASSERT_TRUE(test::run_until(io, [&] { return admission->queue_of("tiny:latest").waiting == 1; }));
    backend.counts_beside = true;
    generation_handle other = begin(whole(std::string(3000, 'x')));
    test::reading out;
    ASSERT_TRUE(test::run_until(io, [&] {
        drain(other, out);
        return out.over() || admission->queue_of("tiny:latest").waiting == 2;
    }));
    EXPECT_TRUE(out.failed) << "it waits for its turn";
    other.reset();
    free_place();
    EXPECT_TRUE(test::run_until(io, [&] { return got.has_value(); }));
}

TEST_F(early_judgement, nobody_is_asked_where_the_turn_comes_at_once) {
    const test::reading got = read(whole(std::string(3000, 'x')));
    ASSERT_TRUE(got.failed);
    EXPECT_EQ(backend.counted_beside, 0);
}

TEST_F(early_judgement, a_count_that_fails_leaves_it_to_the_turn_and_the_service_alone) {
    hold_place();
    backend.beside_failures = {
        core::make_failure(core::errc::timed_out, core::reason::unlisted("no answer"))};
    EXPECT_FALSE(judged(whole(std::string(3000, 'x'))));
    EXPECT_EQ(backend.counted_beside, 1);
    EXPECT_FALSE(judged(whole(std::string(3000, 'x'))));
    EXPECT_EQ(backend.counted_beside, 1);
}

TEST_F(early_judgement, parts_that_can_not_be_counted_leave_it_to_the_turn) {
    hold_place();
    backend.context = 100;
    backend.prompt_limit = 100;
    chat::generation_request what = whole(std::string(3000, 'x'));
    what.tools = nlohmann::ordered_json::parse(R"([{"type": "function", "function": {"name": "f"}}])");
    backend.counts_beside = false;
    EXPECT_FALSE(judged(what));
    backend.counts_beside = true;
    EXPECT_TRUE(judged(what));
}

TEST_F(early_judgement, a_model_that_is_loading_or_gone_is_judged_in_the_turn) {
    hold_place();
    backend.set(engine::availability_state::loading);
    EXPECT_FALSE(judged(whole(std::string(3000, 'x'))));
    EXPECT_EQ(backend.counted_beside, 0);
    backend.set(engine::availability_state::ready);
    EXPECT_TRUE(judged(whole(std::string(3000, 'x'))));
}

TEST_F(early_judgement, a_count_of_a_prompt_does_not_wait_for_the_answer_that_runs) {
    hold_place();
    std::optional<generation_service::count_result> counted;
    chat::generation_request asked = request("How long is this?");
    asked.arrived = clock.now();
    boost::asio::co_spawn(
        io,
        [](generation_service* of, chat::generation_request what, served model,
           std::optional<generation_service::count_result>* to) -> core::awaitable<void> {
            *to = co_await of->count(std::move(what), std::move(model));
        }(generations.get(), asked, models.find("tiny:latest"), &counted),
        [](std::exception_ptr) {});
    ASSERT_TRUE(test::run_until(io, [&] { return counted.has_value(); }));
    ASSERT_TRUE(*counted);
    EXPECT_GT(**counted, 10U);
    EXPECT_EQ(backend.running, 1);
}

TEST_F(early_judgement, a_count_that_waits_for_its_turn_ends_at_its_own_deadline) {
    hold_place();
    backend.counts_beside = false;
    std::optional<generation_service::count_result> counted;
    chat::generation_request asked = request("How long is this?");
    asked.arrived = clock.now();
    asked.until = core::deadline::after(core::milliseconds{50}, asked.arrived);
    auto named = models.find(asked.model);
    boost::asio::co_spawn(
        io, [&]() -> core::awaitable<void> { counted = co_await generations->count(asked, named); },
        boost::asio::detached);
    ASSERT_TRUE(test::run_until(io, [&] { return counted.has_value(); }));
    ASSERT_FALSE(*counted);
    EXPECT_EQ(counted->error().kind, chat::failure_kind::timed_out);
    EXPECT_EQ(backend.running, 1) << "the other goes on";
}

// What is refused early is refused in the same words in its turn, and what can't fit whole is always told early.
TEST_F(early_judgement, says_what_the_turn_says) {
    core::seeded_random dice{20'262};
    const auto up_to = [&](std::uint64_t most) { return dice.next() % (most + 1); };
    int early = 0;
    for (int round = 0; round < 150; ++round) {
        chat::generation_request what = request(std::string(up_to(4000), 'u'));
        chat::message system;
        system.from = chat::role::system;
        system.content = std::string(up_to(2000), 's');
        what.messages.insert(what.messages.begin(), system);
        if (up_to(1) == 1) {
            what.tools = nlohmann::ordered_json::array();
            for (std::uint64_t i = up_to(20) + 1; i > 0; --i) {
                what.tools.push_back(
                    {{"type", "function"},
                     {"function",
                      {{"name", "tool_" + std::to_string(i)}, {"description", std::string(60, 'd')}}}});
            }
        }
        what.limits.truncate = up_to(2) == 0;
        backend.context = backend.prompt_limit = static_cast<std::uint32_t>(up_to(4000)) + 1;
        const test::reading in_turn = read(what);
        hold_place();
        const auto before = judged(what);
        ASSERT_TRUE(!before || in_turn.failed) << before->message;
        ASSERT_TRUE(what.limits.truncate || before.has_value() == in_turn.failed.has_value());
        if (before) {
            ++early;
            ASSERT_EQ(before->message, in_turn.failed->message);
        }
        free_place();
    }
    EXPECT_GT(early, 30);
}

}  // namespace

}  // namespace corral::generation
