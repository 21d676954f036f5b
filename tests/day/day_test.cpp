// Days of a box within seconds. CORRAL_DAY_SEEDS=20 is the long form and prints the table of docs/benchmarks.md.

#include <cstdio>
#include <cstdlib>

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "day/box.hpp"

namespace corral::day {
namespace {

constexpr double piece = 3 * 0.237;  // seconds of a job that is written
constexpr rules none{false, ahead_rule::off, false, false, false};

int seeds() {
    const char* const text = std::getenv("CORRAL_DAY_SEEDS");
    return text != nullptr ? std::atoi(text) : 2;
}

double sum(const std::vector<double>& of) {
    return std::accumulate(of.begin(), of.end(), 0.0);
}

figures days(kind what, const rules& by) {
    figures all;
    for (int seed = 1; seed <= seeds(); ++seed) {
        all += live(what, static_cast<std::uint64_t>(seed), by);
    }
    return all;
}

double middle(const std::vector<double>& of) {
    return percentile(of, 0.5);
}

TEST(box_day, repeats_by_its_seed) {
    const figures one = live(kind::family, 1, {});
    const figures again = live(kind::family, 1, {});
    EXPECT_EQ(one.first, again.first);
    EXPECT_EQ(one.later, again.later);
    EXPECT_NE(one.later, live(kind::family, 2, {}).later);
}

TEST(box_day, of_a_family_has_later_turns_within_a_chunk_of_the_first) {
    const figures off = days(kind::quiet_family, {.as_written = false, .ahead = ahead_rule::off});
    EXPECT_GT(middle(off.later), 2 * middle(off.first)) << "there is something to spare";
    for (const rules& by : {rules{.as_written = false}, rules{.ahead = ahead_rule::off}, rules{}}) {
        const figures all = days(kind::quiet_family, by);
        EXPECT_LE(middle(all.later), middle(all.first) + core::as_seconds(chunk_time) + 0.001);
    }
}

TEST(box_day, is_not_busier_for_what_the_cache_holds_anyway) {
    const figures held = days(kind::quiet_family, {.ahead = ahead_rule::off});
    const figures both = days(kind::quiet_family, {});
    EXPECT_LE(both.busy, 1.02 * held.busy);
}

TEST(box_day, with_titles_and_questions_beside_each_chat_is_quicker_by_what_is_computed_ahead) {
    const figures off = days(kind::family, {.ahead = ahead_rule::off});
    const figures on = days(kind::family, {});
    EXPECT_LT(middle(on.later), 0.75 * middle(off.later));
    EXPECT_LE(core::as_seconds(on.ahead.waited), 0.25 * core::as_seconds(on.ahead.saved));
    EXPECT_LT(on.busy, 1.05 * off.busy);
}

TEST(box_day, of_an_office_lets_nobody_wait_for_more_than_a_job_s_prompt_and_a_piece) {
    const figures on = days(kind::office, {});
    EXPECT_LE(percentile(on.for_jobs, 0.99), on.longest_start_of_job + piece);
    EXPECT_LE(middle(on.for_jobs), piece + core::as_seconds(chunk_time)) << "and most for a piece";
    const figures off = days(kind::office, {.classes = false});
    EXPECT_GT(sum(off.for_jobs), 10 * sum(on.for_jobs));
    EXPECT_GT(percentile(off.first, 0.99), percentile(on.first, 0.99));
}

TEST(box_day, that_computing_ahead_does_not_pay_on_ends_it) {
    constexpr double first_try = 15 * 0.58;  // seconds
    const figures on = days(kind::echo, {.as_written = false});
    EXPECT_LE(core::as_seconds(on.ahead.waited),
              0.25 * core::as_seconds(on.ahead.saved) + first_try * seeds());
    const figures always = days(kind::echo, {.as_written = false, .ahead = ahead_rule::always});
    EXPECT_LT(on.ahead.made, always.ahead.made / 3);
    EXPECT_LT(on.ahead.waited, always.ahead.waited / 3);
}

TEST(box_day, behind_a_clock_is_quicker_with_lines_that_move_last) {
    EXPECT_LT(middle(days(kind::quiet_home, {}).first),
              0.5 * middle(days(kind::quiet_home, {.moving = false}).first));
    EXPECT_LE(middle(days(kind::home, {}).first), middle(days(kind::home, {.moving = false}).first));
}

void print(kind what, const char* name, const rules& by) {
    const figures all = days(what, by);
    std::vector<double> words = all.first;
    words.insert(words.end(), all.later.begin(), all.later.end());
    const double n = seeds();
    const std::string line = fmt::format(
        "  {:8} {:4.0f} first words: p50 {:5.2f}, p99 {:6.2f} s; of later turns {:5.2f}, {:6.2f}; card busy "
        "{:6.0f} s, {:4.0f} ahead; waited {:5.1f} s for that (saved {:6.1f}, {:3.0f} of {:3.0f}), {:6.1f} "
        "for jobs "
        "(p50 {:4.2f}, p99 {:5.2f})\n",
        name, static_cast<double>(words.size()) / n, middle(words), percentile(words, 0.99),
        middle(all.later), percentile(all.later, 0.99), all.busy / n, all.busy_ahead / n,
        core::as_seconds(all.ahead.waited) / n, core::as_seconds(all.ahead.saved) / n,
        static_cast<double>(all.ahead.hits) / n, static_cast<double>(all.ahead.made) / n,
        sum(all.for_jobs) / n, middle(all.for_jobs), percentile(all.for_jobs, 0.99));
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
}

TEST(box_day, in_figures) {
    if (std::getenv("CORRAL_DAY_SEEDS") == nullptr) {
        GTEST_SKIP() << "CORRAL_DAY_SEEDS says of how many days of each kind";
    }
    const std::vector<std::pair<const char*, kind>> kinds{
        {"home", kind::home},     {"quiet home", kind::quiet_home},
        {"family", kind::family}, {"quiet family", kind::quiet_family},
        {"office", kind::office}, {"echo, history as the template has it", kind::echo}};
    for (const auto& [name, what] : kinds) {
        std::printf("%s\n", name);
        const bool as_written = what != kind::echo;
        print(what, "all", {.as_written = as_written});
        if (as_written) {
            print(what, "-history", {.as_written = false});
        }
        print(what, "-ahead", {.as_written = as_written, .ahead = ahead_rule::off});
        print(what, "-steps", {.as_written = as_written, .steps = false});
        print(what, "-moving", {.as_written = as_written, .moving = false});
        print(what, "-classes", {.as_written = as_written, .classes = false});
        print(what, "none", none);
        print(what, "always", {.as_written = as_written, .ahead = ahead_rule::always});
    }
}

}  // namespace
}  // namespace corral::day
