#include "corral/boxes/rolling_upgrade.hpp"

#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace corral::boxes {
namespace {

using kind = upgrade_action::kind;
using core::seconds;

box_sight serving() {
    return {true, false, 0, {"a", "b"}, "1.0", {}};
}

box_sight drained(std::size_t requests = 0) {
    return {true, true, requests, {"a", "b"}, "1.0", {}};
}

box_sight away() {
    return {false, false, 0, {}, {}, "connection refused"};
}

// One upgrade with a clock of its own; what it asked for stands as text: "drain 0, look 1".
class upgrade_test : public ::testing::Test {
protected:
    void open(std::size_t boxes, std::size_t at_once = 1) {
        upgrade_.emplace(boxes, upgrade_rules{at_once, seconds{60}, seconds{3}, seconds{90}, seconds{1}});
        note(upgrade_->begin(now_));
    }
    // All serve when it begins.
    void open_serving(std::size_t boxes, std::size_t at_once = 1) {
        open(boxes, at_once);
        for (std::size_t box = 0; box < boxes; ++box) {
            asked_.clear();
            see(box, serving());
        }
    }
    void note(const std::vector<upgrade_action>& all) {
        for (const upgrade_action& one : all) {
            const char* const words[] = {"look", "drain", "change", "undrain"};
            asked_ += (asked_.empty() ? "" : ", ") + std::string(words[static_cast<int>(one.what)]) + " " +
                      std::to_string(one.box);
        }
    }
    std::string take() { return std::exchange(asked_, {}); }
    void see(std::size_t box, const box_sight& what) { note(upgrade_->on_seen(box, what, now_)); }
    void drain(std::size_t box, const std::string& failure = {}) {
        note(upgrade_->on_drained(box, failure, now_));
    }
    void change(std::size_t box, const std::string& failure = {}) {
        note(upgrade_->on_changed(box, failure, now_));
    }
    void undrain(std::size_t box, const std::string& failure = {}) {
        note(upgrade_->on_undrained(box, failure, now_));
    }
    void wait(seconds span) {
        now_ += span;
        note(upgrade_->on_tick(now_));
    }
    void interrupt() { note(upgrade_->on_interrupt(now_)); }
    // From its drain to its command.
    void empty(std::size_t box) {
        drain(box);
        wait(seconds{1});
        see(box, drained());
        wait(seconds{3});
        see(box, drained());
    }
    // From the end of its command on; it was restarted and forgot that it was drained.
    void wake(std::size_t box) {
        change(box);
        wait(seconds{1});
        see(box, serving());
    }
    [[nodiscard]] const upgraded_box& box(std::size_t at) const { return upgrade_->boxes()[at]; }
    [[nodiscard]] std::string steps() const {
        std::string out;
        for (const upgraded_box& one : upgrade_->boxes()) {
            out +=
                (out.empty() ? "" : " ") + std::string(to_string(one.step)) + (one.left_drained ? "!" : "");
        }
        return out;
    }

    core::steady_time now_{seconds{1000}};
    std::optional<rolling_upgrade> upgrade_;
    std::string asked_;
};

TEST_F(upgrade_test, takes_one_box_after_the_other) {
    open(2);
    EXPECT_EQ(take(), "look 0, look 1");
    see(1, serving());
    EXPECT_EQ(take(), "") << "none begins before all have answered";
    see(0, serving());
    EXPECT_EQ(take(), "drain 0");
    drain(0);
    wait(seconds{1});
    EXPECT_EQ(take(), "look 0");
    see(0, drained(2));
    wait(seconds{10});
    see(0, drained(0));
    take();
    wait(seconds{2});
    see(0, drained(1));  // one that came nevertheless
    wait(seconds{2});
    see(0, drained(0));
    wait(seconds{2});
    see(0, drained(0));
    EXPECT_EQ(take(), "look 0, look 0, look 0");
    wait(seconds{1});
    see(0, drained(0));
    EXPECT_EQ(take(), "look 0, change 0");
    change(0);
    wait(seconds{1});
    see(0, away());
    wait(seconds{1});
    box_sight half = serving();
    half.ready = {"b"};
    see(0, half);
    wait(seconds{1});
    EXPECT_EQ(take(), "look 0, look 0, look 0");
    box_sight fresh = serving();
    fresh.version = "2.0";
    see(0, fresh);
    EXPECT_EQ(take(), "drain 1");
    EXPECT_EQ(box(0).version, "2.0");
    empty(1);
    wake(1);
    EXPECT_EQ(steps(), "done done");
    EXPECT_TRUE(upgrade_->over());
    EXPECT_TRUE(upgrade_->succeeded());
}

TEST_F(upgrade_test, undrains_a_box_that_stayed_drained) {
    open_serving(1);
    empty(0);
    change(0);
    wait(seconds{1});
    take();
    see(0, drained());
    EXPECT_EQ(take(), "undrain 0");
    EXPECT_FALSE(upgrade_->over());
    undrain(0);
    EXPECT_EQ(steps(), "done");
}

TEST_F(upgrade_test, never_takes_more_boxes_than_it_may) {
    open_serving(4, 2);
    EXPECT_EQ(take(), "drain 0, drain 1");
    empty(1);
    take();
    wake(1);
    EXPECT_EQ(take().substr(0, 6), "look 1");
    EXPECT_EQ(steps(), "draining done draining untouched");
}

TEST_F(upgrade_test, begins_nothing_where_a_box_is_away_or_drained_already) {
    for (const box_sight& odd : {away(), drained()}) {
        open(3);
        see(0, serving());
        see(1, odd);
        take();
        see(2, serving());
        EXPECT_EQ(take(), "");
        EXPECT_TRUE(upgrade_->over());
        EXPECT_FALSE(upgrade_->succeeded());
        EXPECT_EQ(steps(), "untouched untouched untouched");
        EXPECT_NE(box(1).why, "");
        EXPECT_EQ(box(0).why, "");
    }
}

TEST_F(upgrade_test, gives_a_box_back_that_does_not_get_empty) {
    open_serving(2);
    drain(0);
    wait(seconds{60});
    take();
    see(0, drained(3));
    EXPECT_EQ(take(), "undrain 0");
    undrain(0);
    EXPECT_EQ(steps(), "failed untouched");
    EXPECT_NE(box(0).why.find("3 of its requests"), std::string::npos) << box(0).why;
    EXPECT_FALSE(box(0).changed);
    EXPECT_TRUE(upgrade_->over());
}

TEST_F(upgrade_test, stops_at_the_first_failure_and_says_what_it_leaves) {
    open_serving(3);
    empty(0);
    take();
    change(0, "exit status 1");
    EXPECT_EQ(take(), "");
    EXPECT_EQ(steps(), "failed! untouched untouched");
    EXPECT_TRUE(upgrade_->over());
    EXPECT_NE(box(0).why.find("exit status 1"), std::string::npos);
    EXPECT_TRUE(box(0).changed);
}

TEST_F(upgrade_test, one_that_does_not_serve_again_in_time_has_failed) {
    open_serving(2);
    empty(0);
    change(0);
    wait(seconds{89});
    see(0, away());
    EXPECT_FALSE(upgrade_->over());
    wait(seconds{1});
    take();
    box_sight half = serving();
    half.ready = {"a"};
    see(0, half);
    EXPECT_EQ(steps(), "failed untouched") << "it answered as one that is not drained";
    EXPECT_NE(box(0).why.find("not ready there: b"), std::string::npos) << box(0).why;
}

TEST_F(upgrade_test, others_that_were_not_changed_yet_are_given_back) {
    open_serving(3, 3);
    take();
    empty(0);
    drain(1);
    take();
    change(0, "exit status 1");
    wait(seconds{1});
    EXPECT_EQ(take(), "undrain 1");
    drain(2);
    EXPECT_EQ(take(), "undrain 2");
    undrain(1);
    EXPECT_FALSE(upgrade_->over());
    undrain(2, "connection refused");
    EXPECT_EQ(steps(), "failed! untouched failed!");
    EXPECT_TRUE(upgrade_->over());
}

TEST_F(upgrade_test, an_interrupt_gives_back_what_is_not_changed_and_ends_what_is) {
    open_serving(4, 2);
    empty(0);
    drain(1);
    take();
    interrupt();
    EXPECT_EQ(take(), "undrain 1");
    undrain(1);
    EXPECT_FALSE(upgrade_->over()) << "the command of the first runs";
    wake(0);
    EXPECT_EQ(steps(), "done untouched untouched untouched");
    EXPECT_TRUE(upgrade_->over());
    EXPECT_FALSE(upgrade_->succeeded());
}

TEST_F(upgrade_test, one_that_cannot_be_drained_is_undrained_in_case_it_was) {
    open_serving(2);
    take();
    drain(0, "no answer in time");
    EXPECT_EQ(take(), "undrain 0");
    undrain(0);
    EXPECT_EQ(steps(), "failed untouched");
}

TEST_F(upgrade_test, of_no_box_is_over_at_once) {
    open(0);
    EXPECT_TRUE(upgrade_->over());
    EXPECT_TRUE(upgrade_->succeeded());
}

// Whatever happens in whatever order: never too many at once, every drain is taken back, done, or told.
TEST(rolling_upgrade, keeps_its_promises_on_any_way) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        std::mt19937 random(seed);
        const std::size_t count = 1 + random() % 6;
        const std::size_t most = 1 + random() % 3;
        rolling_upgrade upgrade(count, {most, seconds{20}, seconds{2}, seconds{20}, seconds{1}});
        core::steady_time now{seconds{1000}};
        std::vector<upgrade_action> open = upgrade.begin(now);
        std::map<std::size_t, bool> is_drained;
        for (int step = 0; step < 3000 && !(upgrade.over() && open.empty()); ++step) {
            now += core::milliseconds(random() % 1500);
            std::vector<upgrade_action> more = upgrade.on_tick(now);
            if (random() % 200 == 0) {
                const auto given = upgrade.on_interrupt(now);
                more.insert(more.end(), given.begin(), given.end());
            }
            if (!open.empty()) {
                const std::size_t at = random() % open.size();
                const upgrade_action one = open[at];
                open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
                const std::string failure = random() % 25 == 0 ? "no" : "";
                std::vector<upgrade_action> next;
                if (one.what == kind::look) {
                    box_sight seen = is_drained[one.box] ? drained(random() % 4 == 0 ? 1 : 0) : serving();
                    next = upgrade.on_seen(one.box, random() % 20 == 0 && step > 20 ? away() : seen, now);
                } else if (one.what == kind::drain) {
                    is_drained[one.box] = true;
                    next = upgrade.on_drained(one.box, failure, now);
                } else if (one.what == kind::change) {
                    is_drained[one.box] = failure.empty() ? random() % 2 == 0 : true;
                    next = upgrade.on_changed(one.box, failure, now);
                } else {
                    is_drained[one.box] = !failure.empty();
                    next = upgrade.on_undrained(one.box, failure, now);
                }
                more.insert(more.end(), next.begin(), next.end());
            }
            open.insert(open.end(), more.begin(), more.end());
            std::size_t busy = 0;
            for (const upgraded_box& one : upgrade.boxes()) {
                busy += one.step != upgrade_step::untouched && one.step != upgrade_step::done &&
                                one.step != upgrade_step::failed
                            ? 1
                            : 0;
            }
            ASSERT_LE(busy, most) << "seed " << seed;
        }
        ASSERT_TRUE(upgrade.over()) << "seed " << seed;
        for (std::size_t box = 0; box < count; ++box) {
            if (is_drained[box]) {
                EXPECT_TRUE(upgrade.boxes()[box].left_drained) << "seed " << seed << ", box " << box;
                EXPECT_NE(upgrade.boxes()[box].why, "") << "seed " << seed << ", box " << box;
            }
        }
    }
}

}  // namespace
}  // namespace corral::boxes
