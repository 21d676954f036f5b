#include "corral/device/compute_policy.hpp"

#include <functional>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "rounds.hpp"

namespace corral::device {
namespace {

using core::milliseconds;
using core::seconds;

compute_options four_cores(const std::string& unit = "NPU") {
    compute_options out;
    out.host_cores = 4;
    out.unit = unit;
    return out;
}

// A box whose seconds pass here.
class box {
public:
    explicit box(compute_options options = four_cores()) : policy(std::move(options)) {}

    void look(std::optional<unsigned> npu, double cores, bool decodes = true) {
        now += seconds{1};
        cpu += std::chrono::duration_cast<core::nanoseconds>(std::chrono::duration<double>(cores));
        policy.on_sample({now, decodes, npu, cpu, waited});
    }
    void looks(int count, std::optional<unsigned> npu, double cores) {
        for (int i = 0; i < count; ++i) {
            look(npu, cores);
        }
    }
    [[nodiscard]] compute_verdict verdict() const { return policy.state().verdict; }
    [[nodiscard]] const std::string& text() const { return policy.state().text; }

    compute_policy policy;
    core::steady_time now{seconds{1000}};
    core::nanoseconds cpu{0};
    core::nanoseconds waited{0};
};

TEST(compute_policy, an_answer_of_the_host_is_told_with_its_numbers_within_ten_seconds) {
    box orange_pi(four_cores("AICore"));
    orange_pi.look(0, 3.9, false);
    int passed = 0;
    while (orange_pi.verdict() == compute_verdict::unknown && passed < 60) {
        orange_pi.look(0, 3.9);
        ++passed;
    }
    EXPECT_EQ(orange_pi.verdict(), compute_verdict::fallback);
    EXPECT_LE(passed, 9);
    EXPECT_EQ(orange_pi.text(), "AICore 0 %, 3.9 CPU cores busy: this answer was computed on the CPU");
}

TEST(compute_policy, a_host_whose_processors_others_want_too_hides_nothing) {
    box shared;
    for (int i = 0; i < 10; ++i) {
        shared.waited += milliseconds{600};
        shared.look(0, 0.5);
    }
    EXPECT_EQ(shared.verdict(), compute_verdict::fallback);
    EXPECT_EQ(shared.text(), "NPU 0 %, 0.5 CPU cores busy: this answer was computed on the CPU");
}

TEST(compute_policy, the_next_healthy_answer_clears_it) {
    box one;
    one.looks(10, 0, 3.9);
    ASSERT_EQ(one.verdict(), compute_verdict::fallback);
    one.policy.on_pause();
    one.looks(9, 60, 0.3);
    EXPECT_EQ(one.verdict(), compute_verdict::ok);
    EXPECT_NE(one.text().find("60 %"), std::string::npos) << one.text();
}

TEST(compute_policy, a_flicker_of_the_counter_does_not_clear_it) {
    box one;
    one.looks(10, 0, 3.9);
    one.look(1, 3.9);
    one.look(0, 3.9);
    EXPECT_EQ(one.verdict(), compute_verdict::fallback);
    one.looks(40, 1, 3.9);
    EXPECT_EQ(one.verdict(), compute_verdict::suspected);
    EXPECT_EQ(one.text(),
              "NPU 1 % (at most 1 %), 3.9 CPU cores busy: this answer was probably computed on the CPU");
}

TEST(compute_policy, a_few_seconds_of_decode_are_no_evidence) {
    box one;
    one.looks(6, 0, 3.9);  // five distances
    EXPECT_EQ(one.verdict(), compute_verdict::unknown);
    EXPECT_EQ(one.text(), "");
}

TEST(compute_policy, short_answers_add_up) {
    box one;
    for (int answer = 0; answer < 5; ++answer) {
        one.looks(3, 0, 3.9);
        one.policy.on_pause();
        one.now += seconds{30};
    }
    EXPECT_EQ(one.verdict(), compute_verdict::fallback);
}

TEST(compute_policy, what_the_host_does_between_answers_does_not_count) {
    box one;
    for (int answer = 0; answer < 20; ++answer) {
        one.looks(2, 0, 0.1);
        one.policy.on_pause();
        one.cpu += seconds{100};
        one.now += seconds{25};
    }
    EXPECT_NE(one.verdict(), compute_verdict::fallback);
}

TEST(compute_policy, reading_the_prompt_does_not_count_against_it) {
    box one;
    for (int i = 0; i < 30; ++i) {
        one.look(0, 3.9, false);
    }
    EXPECT_EQ(one.verdict(), compute_verdict::unknown);
}

TEST(compute_policy, what_worked_on_the_prompt_is_not_accused_as_fast) {
    box one;
    one.look(70, 0.5, false);
    one.looks(9, 0, 1.2);
    EXPECT_EQ(one.verdict(), compute_verdict::unknown);
    one.looks(60, 0, 1.2);
    EXPECT_EQ(one.verdict(), compute_verdict::fallback);
}

TEST(compute_policy, a_counter_that_can_not_be_read_is_never_good_news) {
    box one;
    one.looks(20, 60, 0.3);
    ASSERT_EQ(one.verdict(), compute_verdict::ok);
    one.looks(20, std::nullopt, 3.9);
    EXPECT_EQ(one.verdict(), compute_verdict::unknown);
    EXPECT_EQ(one.text(), "the counter of the NPU can't be read");
    one.looks(9, 60, 0.3);
    EXPECT_EQ(one.verdict(), compute_verdict::ok);
}

TEST(compute_policy, a_device_at_rest_with_a_host_at_rest_is_another_device_and_no_fallback) {
    box one;
    one.looks(20, 0, 0.05);
    EXPECT_EQ(one.verdict(), compute_verdict::unknown);
    EXPECT_NE(one.text().find("neither computes"), std::string::npos) << one.text();
}

TEST(compute_policy, a_device_that_waits_for_its_host_is_a_hint) {
    box ax650;
    for (int i = 0; i < 60; ++i) {
        ax650.look(27 + static_cast<unsigned>(i % 3), 1.0);
    }
    EXPECT_EQ(ax650.verdict(), compute_verdict::underused);
    EXPECT_EQ(
        ax650.text(),
        "NPU 28 % (at most 29 %), 1.0 CPU cores busy: the NPU waits 72 % of the time, the host holds it up");

    box quiet_host;  // then it is not the host that it waits for
    quiet_host.looks(60, 28, 0.2);
    EXPECT_EQ(quiet_host.verdict(), compute_verdict::ok);
}

TEST(compute_policy, new_processes_begin_without_a_past) {
    box one;
    one.looks(10, 0, 3.9);
    one.policy.on_restart();
    EXPECT_EQ(one.verdict(), compute_verdict::unknown);
    EXPECT_EQ(one.text(), "");
    one.looks(5, 0, 3.9);
    EXPECT_EQ(one.verdict(), compute_verdict::unknown);
    one.looks(5, 0, 3.9);
    EXPECT_EQ(one.verdict(), compute_verdict::fallback);
}

TEST(compute_policy, a_fallback_in_mid_life_is_believed_after_a_while_that_was_learned) {
    box steady;
    steady.looks(600, 60, 0.3);
    steady.looks(9, 0, 3.9);
    EXPECT_EQ(steady.verdict(), compute_verdict::fallback);
}

TEST(compute_policy, one_that_computes_for_a_while_need_not_be_looked_at_closely_until_it_falls_silent) {
    box one;
    one.looks(30, 60, 0.3);
    EXPECT_FALSE(one.policy.is_settled());
    one.looks(60, 60, 0.3);
    EXPECT_TRUE(one.policy.is_settled());
    one.look(0, 3.9);
    EXPECT_FALSE(one.policy.is_settled());
    one.looks(30, 0, 3.9);
    EXPECT_FALSE(one.policy.is_settled());
}

// An accelerator at work as it is seen from outside: steps of some length at some load, and waits for the
// host in which it is at zero, as long as they may be.
struct load {
    const char* name;
    unsigned least;
    unsigned most;
    double waits;         // the chance that a look falls into a wait
    double stays;         // the chance that the next look falls into the same
    double host_at_rest;  // cores
    double host_at_work;
};

void PrintTo(const load& of, std::ostream* to) {
    *to << of.name;
}

class an_hour_of : public testing::TestWithParam<load> {};

TEST_P(an_hour_of, healthy_work_never_trips_the_alarm) {
    const load& of = GetParam();
    for (unsigned seed = 1; seed <= test_rounds(50U); ++seed) {
        std::mt19937 random(seed);
        std::uniform_real_distribution<double> chance(0, 1);
        box one;
        bool waits = false;
        for (int passed = 0; passed < 3600;) {
            const int prefill = 2 + static_cast<int>(random() % 4);
            const int decode = 5 + static_cast<int>(random() % 116);
            for (int i = 0; i < prefill + decode; ++i) {
                const bool reads = i < prefill;
                if (chance(random) > of.stays) {
                    waits = !reads && chance(random) < of.waits;
                }
                waits = waits && !reads;
                const unsigned npu =
                    waits ? 0 : of.least + static_cast<unsigned>(random() % (of.most - of.least + 1));
                const double cores = of.host_at_rest + chance(random) * (of.host_at_work - of.host_at_rest);
                one.look(npu, cores, !reads);
                ASSERT_NE(one.verdict(), compute_verdict::fallback)
                    << "seed " << seed << " at " << passed + i;
                ASSERT_NE(one.verdict(), compute_verdict::suspected)
                    << "seed " << seed << " at " << passed + i;
            }
            passed += prefill + decode;
            one.policy.on_pause();
        }
        EXPECT_NE(one.verdict(), compute_verdict::unknown);
    }
}

INSTANTIATE_TEST_SUITE_P(loads, an_hour_of,
                         testing::Values(load{"spiky", 0, 78, 0.0, 0.0, 0.1, 1.2},
                                         load{"spiky_and_often_at_rest", 1, 78, 0.4, 0.0, 0.5, 1.5},
                                         load{"in_long_waits", 5, 78, 0.4, 0.6, 0.5, 1.5},
                                         load{"with_a_busy_host", 20, 78, 0.3, 0.3, 0.9, 2.5},
                                         load{"steady", 60, 90, 0.0, 0.0, 0.0, 0.4}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace corral::device
