#include "scheduler/client_ring.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace corral::scheduler
