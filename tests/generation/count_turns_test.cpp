#include "generation/count_turns.hpp"

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"

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
}  // namespace corral::generation
