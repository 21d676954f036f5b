#include "scheduler/client_ring.hpp"

#include <map>
#include <string>
#include <vector>

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

namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> order(priority_ring& ring) {
    std::vector<std::uint64_t> out;
    for (const ticket_id id : ring.take_all()) {
        out.push_back(id.value);
    }
    return out;
}

TEST(priority_ring, people_go_before_jobs_whatever_the_client) {
    priority_ring ring;
    ring.add(priority_level::batch, "a", ticket_id{1}, false);
    ring.add(priority_level::interactive, "a", ticket_id{2}, false);
    ring.add(priority_level::interactive, "b", ticket_id{3}, false);
    ring.add(priority_level::batch, "b", ticket_id{4}, true);
    ring.add_behind(priority_level::batch, ticket_id{5});
    EXPECT_EQ(ring.ahead_of(ticket_id{3}), 1U);
    EXPECT_EQ(ring.ahead_of(ticket_id{1}), 2U);
    EXPECT_EQ(ring.ahead_of_next(priority_level::interactive, "c"), 2U);
    EXPECT_EQ(ring.ahead_of_next(priority_level::batch, "c"), 5U);
    EXPECT_THAT(order(ring), ElementsAre(2, 3, 1, 4, 5));
    EXPECT_EQ(ring.size(), 0U);
}

TEST(priority_ring, a_job_has_its_turn_after_eight_of_people) {
    priority_ring ring;
    ring.add(priority_level::batch, "job", ticket_id{100}, false);
    ring.add(priority_level::batch, "job", ticket_id{101}, false);
    for (std::uint64_t id = 1; id <= 20; ++id) {
        ring.add(priority_level::interactive, "a", ticket_id{id}, false);
    }
    EXPECT_EQ(ring.ahead_of(ticket_id{100}), 8U);
    EXPECT_EQ(ring.ahead_of(ticket_id{101}), 17U);
    EXPECT_EQ(ring.ahead_of(ticket_id{8}), 7U);
    EXPECT_EQ(ring.ahead_of(ticket_id{9}), 9U);
    const std::vector<std::uint64_t> all = order(ring);
    EXPECT_EQ(all.at(8), 100U);
    EXPECT_EQ(all.at(17), 101U);
}

TEST(priority_ring, turns_of_people_while_no_job_waits_count_nothing) {
    priority_ring ring;
    for (std::uint64_t id = 1; id <= 20; ++id) {
        ring.add(priority_level::interactive, "a", ticket_id{id}, false);
    }
    for (std::uint64_t id = 1; id <= 12; ++id) {
        ring.take(ticket_id{id});
    }
    ring.add(priority_level::batch, "job", ticket_id{100}, false);
    EXPECT_EQ(ring.ahead_of(ticket_id{100}), 8U);
}

// Whatever comes and goes: what ahead_of() says is what happens, and no job is passed more often than promised.
TEST(priority_ring, keeps_its_bound_in_a_random_walk) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        core::seeded_random random(seed);
        priority_ring ring;
        std::map<std::uint64_t, std::size_t> passed;  // of jobs that wait
        std::uint64_t last = 0;
        const auto below = [&](std::uint64_t n) { return random.next() % n; };
        for (int step = 0; step < 2000; ++step) {
            if (below(2) == 0) {
                const bool job = below(4) == 0;
                const std::string client(1, static_cast<char>('a' + below(4)));
                ring.add(job ? priority_level::batch : priority_level::interactive, client, ticket_id{++last},
                         false);
                if (job) {
                    const std::size_t jobs_before = passed.size();
                    passed[last] = 0;
                    ASSERT_LE(ring.ahead_of(ticket_id{last}).value(),
                              (jobs_before + 1) * priority_ring::most_overtakes + jobs_before);
                }
            } else if (ring.size() > 0) {
                const ticket_id next = ring.takeable(1).front();
                ASSERT_EQ(ring.ahead_of(next), 0U) << "seed " << seed << " step " << step;
                ring.take(next);
                if (passed.erase(next.value) == 0) {
                    for (auto& [id, count] : passed) {
                        ++count;
                    }
                } else {
                    for (auto& [id, count] : passed) {
                        count = 0;
                    }
                }
                for (const auto& [id, count] : passed) {
                    ASSERT_LE(count, priority_ring::most_overtakes) << "seed " << seed << " step " << step;
                }
            }
        }
    }
}

}  // namespace

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
