#include "scheduler/client_ring.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"

namespace corral::scheduler {
namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> order(client_ring& ring) {
    std::vector<std::uint64_t> out;
    while (const auto id = ring.take()) {
        out.push_back(id->value);
    }
    return out;
}

TEST(client_ring, serves_one_client_in_order_of_arrival) {
    client_ring ring;
    for (std::uint64_t id = 1; id <= 3; ++id) {
        ring.add("a", ticket_id{id}, false);
    }
    EXPECT_THAT(order(ring), ElementsAre(1, 2, 3));
}

TEST(client_ring, one_put_behind_comes_after_all_that_waited_and_before_all_that_came_later) {
    client_ring ring;
    ring.add("a", ticket_id{1}, false);
    ring.add("b", ticket_id{2}, false);
    ring.add("b", ticket_id{3}, false);
    ring.add_behind(ticket_id{4});
    ring.add_behind(ticket_id{5});
    ring.add("b", ticket_id{6}, false);
    EXPECT_EQ(ring.ahead_of(ticket_id{4}), 3U);
    EXPECT_EQ(ring.ahead_of(ticket_id{5}), 4U);
    EXPECT_EQ(ring.ahead_of(ticket_id{1}), 0U);
    EXPECT_EQ(ring.ahead_of(ticket_id{6}), 5U);
    EXPECT_EQ(ring.size(), 6U);
    EXPECT_TRUE(ring.remove(ticket_id{1}));
    EXPECT_FALSE(ring.remove(ticket_id{1}));
    EXPECT_EQ(ring.take()->value, 2U);
    EXPECT_EQ(ring.take()->value, 3U);
    EXPECT_EQ(ring.ahead_of(ticket_id{6}), 2U);
    EXPECT_TRUE(ring.remove(ticket_id{4}));
    EXPECT_THAT(order(ring), ElementsAre(5, 6));
    EXPECT_EQ(ring.size(), 0U);
    ring.add_behind(ticket_id{7});
    EXPECT_THAT(order(ring), ElementsAre(7)) << "nobody else waits";
}

TEST(client_ring, takes_clients_in_turn) {
    client_ring ring;
    ring.add("a", ticket_id{1}, false);
    ring.add("a", ticket_id{2}, false);
    ring.add("a", ticket_id{3}, false);
    ring.add("b", ticket_id{4}, false);
    ring.add("c", ticket_id{5}, false);
    ring.add("b", ticket_id{6}, false);
    EXPECT_THAT(order(ring), ElementsAre(1, 4, 5, 2, 6, 3));
}

TEST(client_ring, a_newcomer_goes_before_those_served_since_they_wait) {
    client_ring ring;
    for (std::uint64_t id = 1; id <= 3; ++id) {
        ring.add("greedy", ticket_id{id}, false);
    }
    EXPECT_EQ(ring.take()->value, 1U);
    EXPECT_EQ(ring.ahead_of_next("polite"), 0U);
    EXPECT_EQ(ring.ahead_of_next({}), 0U);
    ring.add("polite", ticket_id{4}, false);
    EXPECT_EQ(ring.ahead_of_next("third"), 2U) << "nobody is passed twice";
    ring.add("third", ticket_id{5}, false);
    EXPECT_THAT(order(ring), ElementsAre(4, 2, 5, 3));
}

TEST(client_ring, a_newcomer_stays_behind_those_served_before_it) {
    client_ring ring;
    ring.add("a", ticket_id{1}, false);
    ring.add("b", ticket_id{2}, false);
    ring.add("b", ticket_id{3}, false);
    ring.add("a", ticket_id{4}, false);
    EXPECT_EQ(ring.take()->value, 1U);
    EXPECT_EQ(ring.take()->value, 2U);
    EXPECT_EQ(ring.take()->value, 4U);
    ring.add("a", ticket_id{5}, false);
    EXPECT_THAT(order(ring), ElementsAre(3, 5));
}

TEST(client_ring, one_request_at_a_time_gets_as_many_turns_as_hundreds) {
    client_ring ring;
    for (std::uint64_t id = 1; id <= 200; ++id) {
        ring.add("a", ticket_id{2 * id}, false);
        ring.add("b", ticket_id{1000 + 2 * id}, false);
    }
    // The single one asks again as soon as it has its answer, when another one is being served already.
    int single = 0;
    std::uint64_t its = 1;
    bool answered = true;
    bool waits = false;
    for (int turn = 0; turn < 300; ++turn) {
        const bool asks = answered && !waits;
        const bool served = ring.take().value().value % 2 == 1;
        if (asks) {
            ring.add("single", ticket_id{its += 2}, false);
        }
        single += served ? 1 : 0;
        answered = served || (answered && !asks);
        waits = asks || (waits && !served);
    }
    EXPECT_NEAR(single, 100, 2);
}

// Between two of its turns a client is passed by one newcomer at most, however many come.
TEST(client_ring, ever_new_clients_starve_nobody) {
    client_ring ring;
    std::uint64_t newcomer = 1000;
    const auto arrive = [&] {
        ++newcomer;
        ring.add("client " + std::to_string(newcomer), ticket_id{newcomer}, false);
    };
    for (std::uint64_t id = 1; id <= 50; ++id) {
        ring.add("waits", ticket_id{id}, false);
    }
    for (std::uint64_t own = 1; own < 50; ++own) {
        while (ring.take().value() != ticket_id{own}) {
        }
        const std::size_t before = ring.ahead_of(ticket_id{own + 1}).value();
        for (int i = 0; i < 5; ++i) {
            arrive();
        }
        ASSERT_LE(ring.ahead_of(ticket_id{own + 1}).value(), before + 1);
    }
}

TEST(client_ring, puts_readmitted_tickets_before_new_ones_of_the_same_client_only) {
    client_ring ring;
    ring.add("a", ticket_id{1}, false);
    ring.add("b", ticket_id{2}, false);
    ring.add("b", ticket_id{3}, true);
    ring.add("b", ticket_id{4}, true);
    EXPECT_THAT(order(ring), ElementsAre(1, 3, 4, 2));
}

TEST(client_ring, forgets_a_removed_ticket_and_an_empty_client) {
    client_ring ring;
    ring.add("a", ticket_id{1}, false);
    ring.add("b", ticket_id{2}, false);
    EXPECT_TRUE(ring.remove(ticket_id{1}));
    EXPECT_FALSE(ring.remove(ticket_id{1}));
    EXPECT_EQ(ring.size(), 1U);
    EXPECT_THAT(order(ring), ElementsAre(2));
    EXPECT_EQ(ring.take(), std::nullopt);
}

TEST(client_ring, knows_how_many_come_before) {
    client_ring ring;
    EXPECT_EQ(ring.ahead_of_next({}), 0U);
    ring.add("a", ticket_id{1}, false);
    ring.add("a", ticket_id{2}, false);
    ring.add("a", ticket_id{3}, false);
    ring.add("b", ticket_id{4}, false);
    ring.add("a", ticket_id{5}, true);
    // 5 4 1 2 3
    EXPECT_EQ(ring.ahead_of(ticket_id{5}), 0U);
    EXPECT_EQ(ring.ahead_of(ticket_id{4}), 1U);
    EXPECT_EQ(ring.ahead_of(ticket_id{1}), 2U);
    EXPECT_EQ(ring.ahead_of(ticket_id{3}), 4U);
    EXPECT_EQ(ring.ahead_of(ticket_id{9}), std::nullopt);
    EXPECT_EQ(ring.ahead_of_next({}), 2U);
}

// The count is what serving all of them one by one shows.
TEST(client_ring, counts_what_take_would_give) {
    core::seeded_random random(11);
    for (int round = 0; round < 300; ++round) {
        client_ring ring;
        std::map<std::uint64_t, std::size_t> said;
        const std::uint64_t all = 1 + random.next() % 30;
        for (std::uint64_t id = 1; id <= all; ++id) {
            const std::string client(1, static_cast<char>('a' + random.next() % 5));
            ring.add(client, ticket_id{id}, random.next() % 4 == 0);
            if (random.next() % 5 == 0) {
                const auto taken = ring.take();
                static_cast<void>(taken);
            }
        }
        for (std::uint64_t id = 1; id <= all; ++id) {
            if (const auto ahead = ring.ahead_of(ticket_id{id})) {
                said[id] = *ahead;
            }
        }
        ASSERT_EQ(said.size(), ring.size());
        const std::vector<std::uint64_t> served = order(ring);
        for (std::size_t place = 0; place < served.size(); ++place) {
            ASSERT_EQ(said.at(served[place]), place) << "round " << round;
        }
    }
}

}  // namespace
}  // namespace corral::scheduler
