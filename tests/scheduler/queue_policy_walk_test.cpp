// A seeded random walk through the policy, beside a plain model of what it promises.

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"
#include "scheduler/queue_policy.hpp"

namespace corral::scheduler {
namespace {

enum class fate { waiting, granted, over };

struct known_ticket {
    std::string client;
    std::string model;
    bool readmission = false;
    priority_level level = priority_level::interactive;
    fate now = fate::waiting;
    int passed_by_client = 0;  // grants to others of its queue, by any client, since it waits
};

class walk {
public:
    explicit walk(std::uint64_t seed) : random_(seed) {
        for (const std::string& model : models_) {
            policy_.add_queue(model);
            instances_[model] = instance_id{instances_.size() + 1};
            policy_.add_instance(model, instances_[model], {}, now_);
            states_[model] = presence::absent;
        }
    }

    void step() {
        now_ += core::milliseconds{below(500)};
        switch (below(8)) {
            case 0:
            case 1:
            case 2:
                return arrive();
            case 3:
                return cancel();
            case 4:
            case 5:
                return release();
            default:
                return change_instance();
        }
    }

    void check() {
        std::size_t waiting = 0;
        std::map<std::string, int> holders;
        for (const auto& [id, each] : tickets_) {
            waiting += each.now == fate::waiting ? 1 : 0;
            holders[each.model] += each.now == fate::granted ? 1 : 0;
        }
        ASSERT_EQ(policy_.waiting(), waiting);
        std::size_t running = 0;
        for (const auto& [model, count] : holders) {
            ASSERT_LE(count, 1) << model;
            running += static_cast<std::size_t>(count);
        }
        ASSERT_EQ(policy_.running(), running);
        for (const auto& [id, each] : tickets_) {
            const auto place = policy_.standing_of(ticket_id{id}, now_);
            ASSERT_EQ(place.has_value(), each.now == fate::waiting);
            if (place) {
                ASSERT_LT(place->ahead, waiting + running);
            }
            // A ready instance without a holder leaves nobody waiting.
            if (each.now == fate::waiting && states_[each.model] == presence::ready) {
                ASSERT_EQ(holders[each.model], 1) << "ticket " << id << " is forgotten";
            }
            ASSERT_FALSE(each.now == fate::waiting && states_[each.model] == presence::broken);
        }
    }

    // Lets everything end, and finds that everything does.
    void drain() {
        for (const std::string& model : models_) {
            states_[model] = presence::ready;
            take(policy_.instance_changed(instances_.at(model), presence::ready, {}, now_));
        }
        for (int i = 0; i < 10'000 && policy_.running() > 0; ++i) {
            release();
        }
        ASSERT_EQ(policy_.waiting(), 0U);
        for (const auto& [id, each] : tickets_) {
            ASSERT_EQ(each.now, fate::over) << "ticket " << id;
        }
    }

private:
    static constexpr std::size_t bound = 6;
    std::uint64_t below(std::uint64_t n) { return random_.next() % n; }

    void arrive() {
        const std::uint64_t id = ++last_;
        known_ticket who;
        who.client = std::string(1, static_cast<char>('a' + below(4)));
        who.model = models_[below(models_.size())];
        who.readmission = below(5) == 0;
        who.level = below(3) == 0 ? priority_level::batch : priority_level::interactive;
        const std::size_t before = policy_.waiting();
        tickets_[id] = who;
        const auto told =
            policy_.arrive({ticket_id{id}, who.client, who.model, who.readmission, false, who.level}, now_);
        for (const decision& each : told) {
            if (each.what == verdict::queue_full) {
                ASSERT_GE(before, bound);
                ASSERT_FALSE(who.readmission);
                ASSERT_TRUE(each.retry_after && *each.retry_after >= core::seconds{1});
                check_share(each.ticket.value, id);
            }
        }
        take(told);
    }
    // With how many places others stand, when somebody is refused one.
    void check_share(std::uint64_t refused, std::uint64_t newcomer) {
        std::map<std::string, std::size_t> held;
        std::size_t most = 0;
        for (const auto& [id, each] : tickets_) {
            if (each.now == fate::waiting && !each.readmission && id != newcomer) {
                most = std::max(most, ++held[each.client]);
            }
        }
        const std::size_t own = held[tickets_.at(newcomer).client];
        if (refused == newcomer) {
            ASSERT_LE(most, own + 1) << "another holds more than its share";
        } else {
            const known_ticket& who = tickets_.at(refused);
            ASSERT_EQ(held[who.client], most);
            ASSERT_GT(most, own + 1);
            ASSERT_FALSE(who.readmission);
        }
    }
    void cancel() {
        if (last_ == 0) {
            return;
        }
        const std::uint64_t id = 1 + below(last_);
        const bool waited = tickets_[id].now == fate::waiting;
        ASSERT_EQ(policy_.cancel(ticket_id{id}), waited);
        if (waited) {
            tickets_[id].now = fate::over;
        }
    }
    void release() {
        for (auto& [id, each] : tickets_) {
            if (each.now == fate::granted) {
                each.now = fate::over;
                return take(policy_.release(ticket_id{id}, now_));
            }
        }
    }
    void change_instance() {
        const std::string model = models_[below(models_.size())];
        states_[model] = static_cast<presence>(below(4));
        take(policy_.instance_changed(instances_.at(model), states_[model], core::reason::unlisted("reason"),
                                      now_));
    }

    void take(const std::vector<decision>& decisions) {
        for (const decision& each : decisions) {
            known_ticket& who = tickets_.at(each.ticket.value);
            ASSERT_EQ(who.now, fate::waiting) << "ticket " << each.ticket.value << " has two ends";
            who.now = each.what == verdict::granted ? fate::granted : fate::over;
            if (each.what == verdict::granted) {
                ASSERT_EQ(states_[who.model], presence::ready);
                check_order(each.ticket.value, who);
            }
        }
    }
    // First come first served within a client; nobody is passed by more grants than there can be clients and
    // their own line.
    void check_order(std::uint64_t granted, const known_ticket& who) {
        std::map<std::string, int> ahead;
        for (auto& [id, each] : tickets_) {
            if (each.now != fate::waiting || each.model != who.model) {
                continue;
            }
            const bool same_line = each.client == who.client && each.level == who.level;
            if (same_line && each.readmission == who.readmission) {
                ASSERT_GT(id, granted) << "the client's earlier request was passed";
            }
            if (same_line) {
                ASSERT_FALSE(each.readmission && !who.readmission) << "a readmission was passed";
            }
            ++each.passed_by_client;
            // Four clients, and at most bound + readmissions before it in its own line; of a job each time as many more
            // as may overtake it.
            const int overtakes =
                each.level == priority_level::batch ? 1 + static_cast<int>(priority_ring::most_overtakes) : 1;
            ASSERT_LE(each.passed_by_client, 4 * 60 * overtakes) << "ticket " << id << " starves";
        }
    }

    core::seeded_random random_;
    queue_policy policy_{bound};
    std::vector<std::string> models_{"m", "n"};
    std::map<std::string, instance_id> instances_;
    std::map<std::string, presence> states_;
    std::map<std::uint64_t, known_ticket> tickets_;
    std::uint64_t last_ = 0;
    core::steady_time now_{core::seconds{1}};
};

TEST(queue_policy_walk, keeps_its_promises_on_every_step) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        walk each(seed);
        for (int step = 0; step < 300; ++step) {
            each.step();
            each.check();
            ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << ", step " << step;
        }
        each.drain();
        ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << ", at the end";
    }
}

// With clients that always have more to ask, each is served once a round.
TEST(queue_policy_walk, serves_busy_clients_in_strict_rotation) {
    queue_policy policy(100);
    const core::steady_time now{core::seconds{1}};
    policy.add_queue("m");
    policy.add_instance("m", instance_id{1}, {}, now);
    std::uint64_t last = 0;
    std::map<std::uint64_t, std::string> client_of;
    const auto ask = [&](const std::string& client) {
        client_of[++last] = client;
        return policy.arrive({ticket_id{last}, client, "m", false}, now);
    };
    for (int i = 0; i < 5; ++i) {
        for (const char* client : {"a", "b", "c"}) {
            EXPECT_TRUE(ask(client).empty());
        }
    }
    auto told = policy.instance_changed(instance_id{1}, presence::ready, {}, now);
    std::string served;
    for (int i = 0; i < 30; ++i) {
        ASSERT_EQ(told.size(), 1U);
        const std::string client = client_of.at(told.front().ticket.value);
        served += client;
        EXPECT_TRUE(ask(client).empty());
        told = policy.release(told.front().ticket, now);
    }
    EXPECT_EQ(served, "abcabcabcabcabcabcabcabcabcabc");
}

}  // namespace
}  // namespace corral::scheduler
