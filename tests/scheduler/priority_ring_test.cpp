#include "scheduler/priority_ring.hpp"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"

namespace corral::scheduler {
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
}  // namespace corral::scheduler
