#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"
#include "scheduler/residency_policy.hpp"

namespace corral::scheduler {
namespace {

using core::nanoseconds;
using core::seconds;
using engine::availability_state;

constexpr nanoseconds for_ever = nanoseconds::max();

// A seeded walk beside a plain model of the backend.
class residency_walk {
public:
    explicit residency_walk(std::uint64_t seed) : random_(seed) {}

    void step() {
        now_ += core::milliseconds{random_.next() % 4000};
        switch (random_.next() % 14) {
            case 0:
            case 1:
                ++users_;
                return take(policy_.needed_by(users_, now_));
            case 2:
            case 3:
                if (users_ > 0) {
                    --users_;
                    take(policy_.needed_by(users_, now_));
                }
                return;
            case 4:
                if (users_ > 0) {
                    policy_.granted(value());
                }
                return;
            case 5:
                return take(policy_.load(value(), now_));
            case 6:
                return take(policy_.unload(now_));
            case 7:
                return end_stop();
            case 8:
            case 9:
                return change();
            case 10:
                suspended_ = true;
                return take(policy_.suspend(false, now_));
            case 11:
                suspended_ = false;
                return take(policy_.resume(now_));
            default:
                return tick();
        }
    }

    void check() {
        // The backend is going down exactly while the policy says so.
        ASSERT_EQ(policy_.stage() == residence_stage::unloading, stopping_);
        if (policy_.expires()) {
            ASSERT_EQ(policy_.stage(), residence_stage::loaded);
            ASSERT_EQ(state_, availability_state::ready);
            ASSERT_EQ(users_, 0U);
        }
        // Nobody waits for a model that is not on its way.
        ASSERT_FALSE(users_ > 0 && policy_.stage() == residence_stage::unloaded && !suspended_);
        // Nobody's word but the operator's keeps it.
        ASSERT_FALSE(suspended_ && users_ == 0 && policy_.stage() == residence_stage::loaded);
    }

    void drain() {
        while (users_ > 0) {
            --users_;
            take(policy_.needed_by(users_, now_));
        }
        take(policy_.unload(now_));
        end_stop();
        ASSERT_EQ(policy_.stage(), residence_stage::unloaded);
        ASSERT_EQ(policy_.expires(), std::nullopt);
        ASSERT_EQ(state_, availability_state::stopped);
    }

private:
    std::optional<nanoseconds> value() {
        switch (random_.next() % 4) {
            case 0:
                return std::nullopt;
            case 1:
                return nanoseconds{0};
            case 2:
                return for_ever;
            default:
                return seconds{1 + random_.next() % 5};
        }
    }
    void take(residence_order order) {
        if (order == residence_order::stop) {
            ASSERT_EQ(users_, 0U) << "stopped while held";
            ASSERT_FALSE(stopping_) << "stopped twice";
            ASSERT_NE(state_, availability_state::stopped);
            stopping_ = true;
        } else if (order == residence_order::start) {
            ASSERT_FALSE(stopping_) << "started while it stops";
            ASSERT_FALSE(suspended_) << "started against the operator's word";
            state_ = availability_state::loading;
            if (random_.next() % 2 == 0) {
                take(policy_.observed(state_, now_));
            }
        }
    }
    void end_stop() {
        if (stopping_) {
            stopping_ = false;
            state_ = availability_state::stopped;
            take(policy_.stopped(true, now_));
        }
    }
    // What a supervisor brings about; on the way down it may still look like anything.
    void change() {
        if (state_ == availability_state::stopped) {
            return;
        }
        constexpr availability_state states[] = {availability_state::loading, availability_state::ready,
                                                 availability_state::ready, availability_state::broken};
        state_ = states[random_.next() % 4];
        take(policy_.observed(state_, now_));
    }
    void tick() {
        const auto due = policy_.expires();
        const residence_order order = policy_.needed_by(users_, now_);
        if (due && now_ >= *due) {
            ASSERT_EQ(order, residence_order::stop) << "its time has passed";
        } else if (due) {
            ASSERT_EQ(order, residence_order::none) << "before its time";
        }
        take(order);
    }

    core::seeded_random random_;
    residency_policy policy_{seconds{3}};
    availability_state state_ = availability_state::stopped;
    std::size_t users_ = 0;
    bool stopping_ = false;
    bool suspended_ = false;
    core::steady_time now_{seconds{1}};
};

TEST(residency_policy_walk, keeps_its_promises_on_every_step) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        residency_walk each(seed);
        for (int step = 0; step < 300; ++step) {
            each.step();
            each.check();
            ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << ", step " << step;
        }
        each.drain();
        ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << ", at the end";
    }
}

}  // namespace
}  // namespace corral::scheduler
