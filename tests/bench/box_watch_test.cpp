#include "corral/bench/box_watch.hpp"

#include <gtest/gtest.h>

namespace corral::bench::test {
namespace {

TEST(box_watch, a_day_of_looks_keeps_its_figures_and_a_small_curve) {
    box_watch watch;
    for (int i = 0; i < 86'400; ++i) {
        watch.add("card 0", figure::load, i, i == 5000 ? 99 : i % 2);
    }
    const track& load = watch.tracks.front();
    EXPECT_EQ(load.looks(), 86'400U);
    EXPECT_EQ(load.most(), 99);
    EXPECT_EQ(load.least(), 0);
    EXPECT_NEAR(load.mean(), 0.5, 0.01);
    EXPECT_LE(load.curve().size(), track::most_points);
    EXPECT_GT(load.curve().size(), track::most_points / 3);
    EXPECT_EQ(load.curve().front().first, 0);
    EXPECT_GT(load.curve().back().first, 80'000) << "the curve reaches to the end";
}

TEST(box_watch, a_box_of_many_cards_and_words_is_bounded) {
    box_watch watch;
    for (int i = 0; i < 1000; ++i) {
        watch.add("card " + std::to_string(i), figure::temperature, 0, 40);
        watch.add_health("card " + std::to_string(i) + ": Alarm");
        watch.add_health("card 0: Alarm");
    }
    EXPECT_EQ(watch.tracks.size(), box_watch::most_tracks);
    EXPECT_LE(watch.health.size(), 16U);
    EXPECT_EQ(watch.health.front(), "card 0: Alarm");
}

TEST(box_watch, tests_follow_one_another_on_the_clock_of_the_run) {
    track first("card 0", figure::temperature);
    first.add(1, 50);
    track second("card 0", figure::temperature);
    second.add(1, 70);
    second.add(2, 60);
    box_watch all;
    all.take_in(first, 0);
    all.take_in(second, 10);
    const track& heat = *all.busiest(figure::temperature);
    EXPECT_EQ(heat.looks(), 3U);
    EXPECT_EQ(heat.mean(), 60);
    EXPECT_EQ(heat.most(), 70);
    EXPECT_EQ(heat.curve(), (std::vector<std::pair<double, double>>{{1, 50}, {11, 70}, {12, 60}}));
    EXPECT_EQ(all.busiest(figure::power), nullptr);
}

}  // namespace
}  // namespace corral::bench::test
