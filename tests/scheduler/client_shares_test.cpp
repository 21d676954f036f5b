#include "scheduler/client_shares.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"

namespace corral::scheduler {
namespace {

std::uint64_t yields(const client_shares& shares, const std::string& client) {
    const auto who = shares.yields_to(client);
    return who ? who->value : 0;
}

TEST(client_shares, the_one_with_the_most_yields_its_newest_to_one_with_fewer) {
    client_shares shares;
    EXPECT_EQ(yields(shares, "a"), 0U);
    for (std::uint64_t id = 1; id <= 3; ++id) {
        shares.add("a", id, ticket_id{id});
    }
    shares.add("b", 4, ticket_id{4});
    EXPECT_EQ(yields(shares, "c"), 3U);
    EXPECT_EQ(yields(shares, "b"), 3U);
    EXPECT_EQ(yields(shares, "a"), 0U);
    shares.remove("a", 3);
    // 2 and 1: to take one would only turn them round.
    EXPECT_EQ(yields(shares, "b"), 0U);
    EXPECT_EQ(yields(shares, "c"), 2U);
    shares.remove("a", 1);
    EXPECT_EQ(yields(shares, "c"), 0U);
    EXPECT_EQ(shares.of("a"), 1U);
    shares.remove("a", 7);
    shares.remove("x", 1);
    EXPECT_EQ(shares.of("a"), 1U);
}

TEST(client_shares, of_two_with_as_many_the_one_that_came_last_yields) {
    client_shares shares;
    for (std::uint64_t id = 1; id <= 4; ++id) {
        shares.add(id % 2 == 0 ? "b" : "a", id, ticket_id{id});
    }
    EXPECT_EQ(yields(shares, "c"), 4U);
}

// Beside a plain list.
TEST(client_shares, counts_as_a_list_would) {
    core::seeded_random random(7);
    client_shares shares;
    std::map<std::string, std::vector<std::uint64_t>> held;
    for (std::uint64_t id = 1; id <= 5000; ++id) {
        const std::string client(1, static_cast<char>('a' + random.next() % 6));
        auto& own = held[client];
        if (random.next() % 2 == 0 || own.empty()) {
            shares.add(client, id, ticket_id{id});
            own.push_back(id);
        } else {
            const auto place = own.begin() + static_cast<long>(random.next() % own.size());
            shares.remove(client, *place);
            own.erase(place);
        }
        std::size_t most = 0;
        for (const auto& [name, all] : held) {
            ASSERT_EQ(shares.of(name), all.size());
            most = std::max(most, all.size());
        }
        const auto who = shares.yields_to("newcomer");
        ASSERT_EQ(who.has_value(), most > 1);
        if (who) {
            bool newest = false;
            for (const auto& [name, all] : held) {
                newest = newest || (all.size() == most && all.back() == who->value);
            }
            ASSERT_TRUE(newest);
        }
    }
}

}  // namespace
}  // namespace corral::scheduler
