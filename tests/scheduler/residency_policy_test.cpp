#include "scheduler/residency_policy.hpp"

#include <gtest/gtest.h>

namespace corral::scheduler {
namespace {

using core::nanoseconds;
using core::seconds;
using engine::availability_state;

constexpr nanoseconds for_ever = nanoseconds::max();

class residency_policy_test : public testing::Test {
protected:
    // Keeps the orders since the last call: "start", "stop start", "".
    void take(residence_order order) {
        if (order != residence_order::none) {
            orders_ += (orders_.empty() ? "" : " ") +
                       std::string(order == residence_order::start ? "start" : "stop");
        }
    }
    std::string orders() { return std::exchange(orders_, {}); }
    void use(nanoseconds usual) { policy_ = residency_policy(usual); }
    void see(availability_state state) { take(policy_.observed(state, now_)); }
    void request() { take(policy_.needed_by(policy_.users() + 1, now_)); }
    void release() { take(policy_.needed_by(policy_.users() - 1, now_)); }
    void stopped(bool all = true) { take(policy_.stopped(all, now_)); }
    void unload() { take(policy_.unload(now_)); }
    void load(std::optional<nanoseconds> stay = {}) { take(policy_.load(stay, now_)); }
    void tick_after(seconds span) {
        now_ += span;
        take(policy_.needed_by(policy_.users(), now_));
    }
    // Loaded and ready, needed by nobody.
    void be_loaded() {
        see(availability_state::loading);
        see(availability_state::ready);
        orders();
    }
    // A whole request that runs.
    void serve(std::optional<nanoseconds> keep_alive = {}) {
        request();
        policy_.granted(keep_alive);
        release();
    }
    std::string stay() const {
        const auto end = policy_.expires();
        return end ? std::to_string(std::chrono::duration_cast<seconds>(*end - now_).count()) + " s" : "-";
    }

    residency_policy policy_{seconds{300}};
    core::steady_time now_{seconds{1000}};
    std::string orders_;
};

TEST_F(residency_policy_test, a_request_for_an_unloaded_model_starts_it_once) {
    request();
    EXPECT_EQ(orders(), "start");
    request();
    see(availability_state::stopped);
    see(availability_state::loading);
    see(availability_state::ready);
    EXPECT_EQ(orders(), "");
    EXPECT_EQ(stay(), "-");
    release();
    EXPECT_EQ(stay(), "-");
    release();
    EXPECT_EQ(stay(), "300 s");
}

TEST_F(residency_policy_test, the_stay_begins_when_the_last_request_ends) {
    be_loaded();
    EXPECT_EQ(stay(), "300 s");
    tick_after(seconds{200});
    request();
    EXPECT_EQ(stay(), "-");
    tick_after(seconds{500});
    EXPECT_EQ(orders(), "");
    release();
    EXPECT_EQ(stay(), "300 s");
    tick_after(seconds{299});
    EXPECT_EQ(orders(), "");
    tick_after(seconds{1});
    EXPECT_EQ(orders(), "stop");
    EXPECT_EQ(policy_.stage(), residence_stage::unloading);
    EXPECT_EQ(policy_.expires(), std::nullopt);
    EXPECT_EQ(policy_.unloads_at(), now_);
    stopped();
    EXPECT_EQ(policy_.stage(), residence_stage::unloaded);
    EXPECT_EQ(policy_.unloads_at(), std::nullopt);
    EXPECT_EQ(orders(), "");
}

TEST_F(residency_policy_test, one_that_somebody_else_unloads_is_loaded_for_those_who_wait_and_stays) {
    be_loaded();
    request();
    unload();  // once it is needed by nobody
    see(availability_state::stopped);
    EXPECT_EQ(orders(), "start");
    see(availability_state::loading);
    see(availability_state::ready);
    release();
    EXPECT_EQ(orders(), "");
    EXPECT_EQ(stay(), "300 s");
}

TEST_F(residency_policy_test, a_new_rule_does_not_end_the_stay_that_a_request_asked_for) {
    be_loaded();
    serve(seconds{10});
    take(policy_.set_rule(seconds{30}, false, now_));
    EXPECT_EQ(stay(), "10 s");
}

TEST_F(residency_policy_test, a_new_rule_counts_from_then_on) {
    be_loaded();
    tick_after(seconds{100});
    take(policy_.set_rule(seconds{30}, false, now_));
    EXPECT_EQ(stay(), "30 s");
}

TEST_F(residency_policy_test, nothing_is_due_behind_the_end) {
    be_loaded();
    policy_.close();
    EXPECT_EQ(policy_.expires(), std::nullopt);
}

TEST_F(residency_policy_test, a_value_takes_the_place_of_the_stay_and_none_leaves_it) {
    be_loaded();
    serve(seconds{10});
    EXPECT_EQ(stay(), "10 s");
    serve();
    EXPECT_EQ(stay(), "10 s");
    serve(for_ever);
    EXPECT_EQ(stay(), "-");
    tick_after(seconds{100'000'000});
    EXPECT_EQ(orders(), "");
    serve();
    EXPECT_EQ(stay(), "-");
    serve(seconds{20});
    EXPECT_EQ(stay(), "20 s");
}

TEST_F(residency_policy_test, the_next_load_begins_with_the_usual_stay) {
    be_loaded();
    serve(seconds{10});
    tick_after(seconds{10});
    EXPECT_EQ(orders(), "stop");
    stopped();
    request();
    EXPECT_EQ(orders(), "start");
    see(availability_state::ready);
    release();
    EXPECT_EQ(stay(), "300 s");
}

TEST_F(residency_policy_test, zero_unloads_right_after_the_last_request) {
    be_loaded();
    request();
    policy_.granted(nanoseconds{0});
    request();
    release();
    EXPECT_EQ(orders(), "");  // somebody waits
    policy_.granted({});
    release();
    EXPECT_EQ(orders(), "stop");
}

TEST_F(residency_policy_test, a_later_value_takes_zero_back) {
    be_loaded();
    request();
    policy_.granted(nanoseconds{0});
    request();
    release();
    policy_.granted(seconds{5});
    release();
    EXPECT_EQ(orders(), "");
    EXPECT_EQ(stay(), "5 s");
}

TEST_F(residency_policy_test, unload_waits_for_those_who_need_the_model) {
    be_loaded();
    request();
    request();
    unload();
    EXPECT_EQ(orders(), "");
    release();
    EXPECT_EQ(orders(), "");
    request();  // came later and finds it still there
    release();
    EXPECT_EQ(orders(), "");
    release();
    EXPECT_EQ(orders(), "stop");
}

TEST_F(residency_policy_test, unload_of_an_idle_model_is_at_once_whatever_it_is_doing) {
    for (const auto state :
         {availability_state::ready, availability_state::loading, availability_state::broken}) {
        use(for_ever);
        see(state);
        unload();
        EXPECT_EQ(orders(), "stop");
        stopped();
        EXPECT_EQ(orders(), "");
    }
}

TEST_F(residency_policy_test, unload_of_what_is_not_loaded_is_forgotten) {
    unload();
    EXPECT_EQ(orders(), "");
    request();
    EXPECT_EQ(orders(), "start");
    see(availability_state::ready);
    release();
    EXPECT_EQ(orders(), "");
    EXPECT_EQ(stay(), "300 s");
}

TEST_F(residency_policy_test, a_request_while_it_is_unloaded_waits_and_starts_it_again) {
    be_loaded();
    unload();
    EXPECT_EQ(orders(), "stop");
    request();
    see(availability_state::loading);  // as it looks while it stops
    EXPECT_EQ(orders(), "");
    stopped();
    EXPECT_EQ(orders(), "start");
    see(availability_state::loading);
    see(availability_state::ready);
    release();
    EXPECT_EQ(orders(), "");
}

TEST_F(residency_policy_test, a_withdrawn_request_is_not_loaded_for) {
    be_loaded();
    unload();
    request();
    release();
    stopped();
    EXPECT_EQ(orders(), "stop");
}

TEST_F(residency_policy_test, an_unload_during_a_reload_is_after_those_who_wait) {
    be_loaded();
    unload();
    request();
    unload();
    stopped();
    EXPECT_EQ(orders(), "stop start");
    see(availability_state::ready);
    release();
    EXPECT_EQ(orders(), "stop");
}

TEST_F(residency_policy_test, a_load_begins_the_stay_when_the_model_is_ready) {
    load(seconds{30});
    EXPECT_EQ(orders(), "start");
    see(availability_state::loading);
    tick_after(seconds{100});
    EXPECT_EQ(orders(), "");
    see(availability_state::ready);
    EXPECT_EQ(stay(), "30 s");
    tick_after(seconds{20});
    load();
    EXPECT_EQ(stay(), "30 s");
    load(seconds{60});
    EXPECT_EQ(stay(), "60 s");
    EXPECT_EQ(orders(), "");
}

TEST_F(residency_policy_test, a_load_takes_an_unload_back_and_the_other_way_round) {
    be_loaded();
    request();
    unload();
    load();
    release();
    EXPECT_EQ(orders(), "");
    unload();
    EXPECT_EQ(orders(), "stop");
    load(seconds{7});
    EXPECT_EQ(orders(), "");
    stopped();
    EXPECT_EQ(orders(), "start");
    see(availability_state::ready);
    EXPECT_EQ(stay(), "7 s");
    unload();
    load();
    unload();
    stopped();
    EXPECT_EQ(orders(), "stop");
}

TEST_F(residency_policy_test, a_broken_or_restarting_model_is_not_unloaded) {
    be_loaded();
    for (const auto state : {availability_state::loading, availability_state::broken}) {
        see(state);
        EXPECT_EQ(stay(), "-");
        tick_after(seconds{1000});
        request();
        release();
        EXPECT_EQ(orders(), "");
    }
    load();
    EXPECT_EQ(orders(), "start");  // a broken one is tried again when asked
    see(availability_state::ready);
    EXPECT_EQ(stay(), "300 s");
}

TEST_F(residency_policy_test, a_model_that_died_in_its_last_request_is_not_brought_back_to_be_unloaded) {
    be_loaded();
    request();
    policy_.granted(nanoseconds{0});
    see(availability_state::loading);
    release();
    EXPECT_EQ(orders(), "stop");
}

TEST_F(residency_policy_test, a_stop_that_failed_is_no_start_by_somebody_else) {
    be_loaded();
    unload();
    see(availability_state::loading);
    stopped(false);
    see(availability_state::loading);
    EXPECT_EQ(policy_.stage(), residence_stage::unloaded);
    request();
    EXPECT_EQ(orders(), "stop start");
}

TEST_F(residency_policy_test, what_others_stop_is_loaded_again_for_those_who_wait) {
    be_loaded();
    see(availability_state::stopped);
    EXPECT_EQ(policy_.stage(), residence_stage::unloaded);
    EXPECT_EQ(orders(), "");
    request();
    see(availability_state::ready);
    see(availability_state::stopped);
    EXPECT_EQ(orders(), "start start");
}

TEST_F(residency_policy_test, a_closed_one_gives_no_orders) {
    be_loaded();
    policy_.close();
    EXPECT_EQ(stay(), "-");
    unload();
    tick_after(seconds{1000});
    see(availability_state::stopped);
    request();
    load();
    release();
    EXPECT_EQ(orders(), "");
}

TEST_F(residency_policy_test, no_request_keeps_or_loads_a_suspended_model) {
    be_loaded();
    request();
    take(policy_.suspend(false, now_));
    policy_.granted(for_ever);
    load(for_ever);
    EXPECT_EQ(orders(), "");
    release();
    EXPECT_EQ(orders(), "stop");
    request();
    stopped();
    load();
    EXPECT_EQ(orders(), "");
    take(policy_.resume(now_));
    EXPECT_EQ(orders(), "start");
}

TEST_F(residency_policy_test, a_broken_model_that_is_suspended_goes_at_once_and_resume_tries_it_again) {
    be_loaded();
    see(availability_state::broken);
    take(policy_.resume(now_));
    EXPECT_EQ(orders(), "start");
    see(availability_state::loading);
    see(availability_state::broken);
    take(policy_.suspend(false, now_));
    EXPECT_EQ(orders(), "stop");
}

TEST_F(residency_policy_test, who_asks_before_it_is_admitted_is_heard_then) {
    policy_.hold_back();
    request();
    load();
    EXPECT_EQ(orders(), "");
    take(policy_.admit(now_));
    EXPECT_EQ(orders(), "start");
}

}  // namespace
}  // namespace corral::scheduler
