// Who goes before whom where instances hold prefixes, and that nobody pays more for it than a newcomer may cost.

#include <map>
#include <set>
#include <utility>

#include "corral/core/random_source.hpp"
#include "queue_policy_fixture.hpp"

namespace corral::scheduler {
namespace {

using core::milliseconds;
using core::seconds;

class queue_policy_prefix : public queue_policy_fixture {
protected:
    queue_policy_prefix() {
        policy_.set_max_waiting(100);
        policy_.ask_held([this](ticket_id who, instance_id where) {
            const auto found = held_.find({who.value, where.value});
            return found == held_.end() ? std::size_t{0} : found->second;
        });
        policy_.ask_saving([this](instance_id) { return saving_; });
        policy_.set_hold(seconds{1});
    }
    void holds(std::uint64_t ticket, std::size_t bytes, std::uint64_t instance = 1) {
        held_[{ticket, instance}] = bytes;
    }
    // A further instance of m.
    instance_id second() {
        const instance_id id{50};
        policy_.add_instance("m", id, {}, now_);
        take(policy_.instance_changed(id, presence::ready, {}, now_));
        return id;
    }
    // Client a's conversation has gone on there once, in time.
    void show_going_on(std::uint64_t ticket) {
        arrive(90, "a");
        release(90);
        holds(ticket, 500);
        arrive(ticket, "a");
        now_ += seconds{3};
        release(ticket);
        told();
    }
    void look() { take(policy_.look(now_)); }

    std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> held_;
    core::nanoseconds saving_ = seconds{4};
};

TEST_F(queue_policy_prefix, the_longest_prefix_goes_first_among_those_whose_turn_is_near) {
    ready();
    arrive(1, "z");
    arrive(2, "a");
    arrive(3, "b");
    arrive(4, "c");
    told();
    holds(3, 100);
    holds(4, 900);
    release(1);
    EXPECT_EQ(told(), "4+");
    release(4);
    EXPECT_EQ(told(), "2+") << "it was passed once, and is not again";
    release(2);
    EXPECT_EQ(told(), "3+");
}

TEST_F(queue_policy_prefix, requests_of_one_client_keep_their_order) {
    ready();
    arrive(1, "z");
    arrive(2, "a");
    arrive(3, "a");
    told();
    holds(3, 900);
    release(1);
    EXPECT_EQ(told(), "2+");
}

TEST_F(queue_policy_prefix, a_conversation_goes_back_to_its_own_instance) {
    const instance_id other = second();
    ready();
    holds(1, 700, other.value);
    holds(2, 700, 1);
    arrive(1, "a");
    EXPECT_EQ(told(), "1+");
    EXPECT_EQ(last_.instance, other);
    arrive(2, "b");
    EXPECT_EQ(told(), "2+");
    EXPECT_EQ(last_.instance, instance_id{1});
    release(1);
    release(2);
    holds(3, 700, other.value);
    arrive(3, "a");
    told();
    EXPECT_EQ(last_.instance, other) << "though the first has been idle for longer, and nothing else differs";
}

TEST_F(queue_policy_prefix, what_is_saved_is_worth_one_lease_beside_and_no_more) {
    const instance_id one{60};
    const instance_id two{61};
    policy_.add_queue("s");
    for (const instance_id each : {one, two}) {
        policy_.add_instance("s", each, {}, now_, {8, 0});
        take(policy_.instance_changed(each, presence::ready, {}, now_));
    }
    for (std::uint64_t id = 1; id <= 3; ++id) {
        holds(id, 500, one.value);
        arrive(id, "a" + std::to_string(id), "s");
        told();
    }
    EXPECT_EQ(policy_.leases(one), 2U);
    EXPECT_EQ(policy_.leases(two), 1U) << "the third would have two before it, and goes elsewhere";
}

TEST_F(queue_policy_prefix, a_stranger_waits_for_a_conversation_that_goes_on_at_once) {
    ready();
    show_going_on(1);
    arrive(2, "b");
    EXPECT_EQ(told(), "") << "a moment for the next turn of a";
    EXPECT_EQ(policy_.next_hold_end(now_), now_ + seconds{1});
    now_ += milliseconds{200};
    holds(3, 600);
    arrive(3, "a");
    EXPECT_EQ(told(), "3+");
    now_ += seconds{3};
    release(3);
    EXPECT_EQ(told(), "2+") << "passed once, which was all";
}

TEST_F(queue_policy_prefix, a_stranger_waits_no_longer_than_that) {
    ready();
    show_going_on(1);
    arrive(2, "b");
    now_ += milliseconds{999};
    look();
    EXPECT_EQ(told(), "");
    now_ += milliseconds{1};
    EXPECT_FALSE(policy_.next_hold_end(now_));
    look();
    EXPECT_EQ(told(), "2+");
}

// Turn 1, turn 2, the same again, another question: none of them waits.
TEST_F(queue_policy_prefix, no_client_waits_for_itself) {
    ready();
    show_going_on(1);
    arrive(2, "a");
    EXPECT_EQ(told(), "2+");
    release(2);
    arrive(3, "a");
    EXPECT_EQ(told(), "3+");
}

TEST_F(queue_policy_prefix, a_stranger_does_not_wait_for_less_than_is_saved) {
    saving_ = milliseconds{500};
    ready();
    show_going_on(1);
    arrive(2, "b");
    EXPECT_EQ(told(), "2+");
}

TEST_F(queue_policy_prefix, many_strangers_wait_shorter_than_one) {
    ready();
    show_going_on(1);
    arrive(2, "b");
    EXPECT_EQ(told(), "") << "half of four seconds, for one";
    arrive(3, "c");
    EXPECT_EQ(told(), "2+") << "two of them would lose as much as is saved";
}

TEST_F(queue_policy_prefix, a_free_instance_beside_is_given_at_once) {
    ready();
    show_going_on(1);
    second();
    arrive(2, "b");
    EXPECT_EQ(told(), "2+");
    EXPECT_NE(last_.instance, instance_id{1});
}

TEST_F(queue_policy_prefix, nothing_is_kept_where_nothing_is_held) {
    ready();
    arrive(1, "a");
    release(1);
    told();
    arrive(2, "b");
    EXPECT_EQ(told(), "2+");
}

TEST_F(queue_policy_prefix, a_new_process_holds_nothing) {
    ready();
    show_going_on(1);
    unloaded();
    ready();
    arrive(2, "b");
    EXPECT_EQ(told(), "2+");
}

// Random clients with random prefixes: between two of its turns no client is passed by another one twice more than
// without prefixes, and nobody waits for an idle instance longer than a hold.
class prefix_walk {
public:
    prefix_walk(std::uint64_t seed, bool prefixes) : random_(seed), prefixes_(prefixes) {
        policy_.add_queue("m");
        for (std::uint64_t id = 1; id <= 2; ++id) {
            policy_.add_instance("m", instance_id{id}, {}, now_);
            take(policy_.instance_changed(instance_id{id}, presence::ready, {}, now_));
        }
        policy_.set_hold(hold);
        policy_.ask_saving([this](instance_id) { return milliseconds{prefixes_ ? below(5000) : 0}; });
        policy_.ask_held([this](ticket_id who, instance_id where) {
            return prefixes_ && (who.value * 7 + where.value * 13) % 5 == 0 ? std::size_t{500}
                                                                            : std::size_t{0};
        });
    }
    void step() {
        const milliseconds passes{below(300)};
        while (const auto end = policy_.next_hold_end(now_)) {
            if (*end > now_ + passes) {
                break;
            }
            now_ = *end;
            take(policy_.look(now_));
        }
        now_ += passes;
        if (below(5) < 3) {
            const std::uint64_t id = ++last_;
            const std::string client(1, static_cast<char>('a' + below(clients)));
            waits_[id] = {client, std::nullopt, {}};
            take(policy_.arrive({ticket_id{id}, client, "m", false}, now_));
        } else if (!running_.empty()) {
            const std::uint64_t id = *running_.begin();
            running_.erase(running_.begin());
            take(policy_.release(ticket_id{id}, now_));
        }
        check_idle();
    }
    void check_idle() {
        for (auto& [id, each] : waits_) {
            if (running_.size() == 2) {
                each.idle_since.reset();
                continue;
            }
            each.idle_since = each.idle_since.value_or(now_);
            ASSERT_LE(now_ - *each.idle_since, hold) << "ticket " << id << " waits for an idle instance";
        }
        ASSERT_TRUE(prefixes_ || waits_.empty() || running_.size() == 2);
    }
    [[nodiscard]] std::uint64_t granted() const { return granted_; }

private:
    static constexpr std::uint64_t clients = 5;
    static constexpr seconds hold{1};
    struct waiting {
        std::string client;
        std::optional<core::steady_time> idle_since;
        std::map<std::string, int> passed_by;  // grants of other clients since it is its client's next
    };
    std::uint64_t below(std::uint64_t n) { return random_.next() % n; }
    void take(const std::vector<decision>& all) {
        for (const decision& each : all) {
            ASSERT_EQ(each.what, verdict::granted);
            const std::uint64_t id = each.ticket.value;
            const std::string client = waits_.at(id).client;
            waits_.erase(id);
            ASSERT_TRUE(running_.insert(id).second);
            ++granted_;
            std::set<std::string> heads;
            for (auto& [other, one] : waits_) {
                if (!heads.insert(one.client).second) {
                    continue;  // not the next one of its client
                }
                if (one.client == client) {
                    ASSERT_GT(other, id) << "a client's own order";
                    continue;
                }
                // One turn each a round, and one pass in all.
                ASSERT_LE(++one.passed_by[client], 2) << "ticket " << other << " and client " << client;
            }
        }
    }

    core::seeded_random random_;
    bool prefixes_;
    queue_policy policy_{1000};
    core::steady_time now_{seconds{1}};
    std::map<std::uint64_t, waiting> waits_;
    std::set<std::uint64_t> running_;
    std::uint64_t last_ = 0;
    std::uint64_t granted_ = 0;
};

TEST(queue_policy_prefix_walk, nobody_pays_more_than_a_pass_and_a_hold) {
    for (std::uint64_t seed = 1; seed <= 80; ++seed) {
        for (const bool prefixes : {false, true}) {
            prefix_walk each(seed, prefixes);
            for (int step = 0; step < 500; ++step) {
                each.step();
                ASSERT_FALSE(testing::Test::HasFatalFailure())
                    << "seed " << seed << ", step " << step << ", prefixes " << prefixes;
            }
            ASSERT_GT(each.granted(), 100U);
        }
    }
}

}  // namespace
}  // namespace corral::scheduler
