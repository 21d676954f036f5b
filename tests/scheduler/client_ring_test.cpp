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
    for (const ticket_id id : ring.take_all()) {
        out.push_back(id.value);
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
    EXPECT_EQ(ring.ahead_of_new_client(), 0U);
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
    EXPECT_EQ(ring.ahead_of_new_client(), 2U);
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
